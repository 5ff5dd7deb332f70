import { expect, test } from '@jest/globals'
import { MongoServerError } from 'mongodb'
import { isOfKey } from './mongo-errors.ts'

// What servers say when there is such a document already.
const MONGOD = 'E11000 duplicate key error collection: s.index index: '
const DOCUMENTDB = 'Duplicate key violation on the requested collection: Index '

test.each([
  [{ errmsg: `${MONGOD}_id_ dup key: { _id: "a" }`, keyPattern: { _id: 1 } }, true],
  [{ errmsg: `${MONGOD}__by_seq dup key: { __by_seq: "index: _id_" }`, keyPattern: { __by_seq: 1 } }, false],
  [{ errmsg: `${MONGOD}_id_ dup key: { _id: "a" }` }, true],
  [{ errmsg: `${MONGOD}__by_seq dup key: { __by_seq: "index: _id_" }` }, false],
  [{ errmsg: `${DOCUMENTDB}'_id_'` }, true],
  [{ errmsg: `${DOCUMENTDB}'__by_seq'` }, false],
  [{ errmsg: 'there is one already' }, false],
])('knows from %j whether it is the key', (said, isKey) => {
  expect(isOfKey(new MongoServerError({ code: 11_000, ...said }))).toBe(isKey)
})
