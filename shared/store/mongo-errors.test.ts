import { expect, test } from '@jest/globals'
import { MongoServerError } from 'mongodb'
import { isAway, isOfKey } from './mongo-errors.ts'

// What servers say when such a document exists already.
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
])('tells from %j whether the key is the duplicate', (said, isKey) => {
  expect(isOfKey(new MongoServerError({ code: 11_000, ...said }))).toBe(isKey)
})

// Any other error is a fault of the command, which goes to the dead letters after a few attempts.
test.each([
  ['TemporarilyUnavailable', 365],
  ['ElectionInProgress', 216],
  ['TooManyFilesOpen', 264],
  ['QueryPlanKilled', 175],
  ['IndexBuildAborted', 276],
  ['UserWritesBlocked', 371],
  ['ResourceExhausted', 402],
])('postpones a command when the server says %s', (codeName, code) => {
  expect(isAway(new MongoServerError({ code, codeName }))).toBe(true)
})

test.each([
  ['BadValue', 2],
  ['DocumentValidationFailure', 121],
  ['BSONObjectTooLarge', 10_334],
])('does not postpone a command when the server says %s', (codeName, code) => {
  expect(isAway(new MongoServerError({ code, codeName }))).toBe(false)
})
