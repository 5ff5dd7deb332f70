import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { commandName } from '../../shared/wire/topic.ts'
import { userIdOf } from '../../shared/wire/user-id.ts'
import { internalCommand } from './intake/intake.ts'
import type { Command, DeviceSession } from '../seam/session.ts'
import { openRevocations, type Revocations } from './revocations.ts'
import { openStanding, type Standing } from './standing.ts'
import { openLmdb } from '../storage/lmdb.ts'
import type { Storage } from '../storage/storage.ts'

// Who may still act, state by state. On the wire: test/standing.test.ts.

const alice = userIdOf('alice')
const EXP = 1_000_000
const token = { user: alice, expiresAt: EXP, jti: 'hers', isOperator: false, name: undefined, acl: undefined }
const session: DeviceSession = { kind: 'device', id: 'alice/phone', user: alice, client: 'phone', token }
const internal = internalCommand(commandName('ring_timed_out'), alice, {}, 1)
const command: Command = { ...internal, internal: false, client: 'phone', jti: 'hers' }

let dir: string
let storage: Storage
let revocations: Revocations
let time: number
let isCut: boolean
let isConnected: boolean
let standing: Standing
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'standing-'))
  storage = openLmdb(join(dir, 'broker.lmdb'), () => {})
  revocations = openRevocations(storage)
  time = EXP - 1
  isCut = false
  isConnected = false
  const devices = { has: () => isConnected, isCut: () => isCut }
  standing = openStanding({ revocations, clock: { now: () => time }, devices })
})
afterEach(async () => {
  await storage.close()
  rmSync(dir, { recursive: true })
})

const STATES: [string, () => unknown, { will: boolean; queued: boolean }][] = [
  ['is as before', () => {}, { will: true, queued: true }],
  ['is banned', () => revocations.ban(alice), { will: false, queued: false }],
  ['is banned for a time', () => revocations.ban(alice, Date.now() + 60_000), { will: false, queued: false }],
  ['was banned until now', () => revocations.ban(alice, Date.now() - 1), { will: true, queued: true }],
  [
    'is banned no more',
    async () => [await revocations.ban(alice), await revocations.unban(alice)],
    { will: true, queued: true },
  ],
  ['has a revoked token', () => revocations.revoke('hers'), { will: false, queued: false }],
  ['has another token that is revoked', () => revocations.revoke('another'), { will: true, queued: true }],
  ['has a token that has just ended', () => (time = EXP + 1_000), { will: true, queued: true }],
  ['has a token that has ended', () => (time = EXP + 5_000), { will: false, queued: true }],
  ['was kicked while connected', () => (isCut = true), { will: false, queued: true }],
]
test.each(STATES)('a user who %s', async (_, become, { will, queued }) => {
  await become()
  expect([standing.mayAct(session), standing.mayRun(command), standing.mayRun(internal)]).toEqual([will, queued, true])
})

test('a connected user is not checked at each publish: a ban or revocation disconnects them', async () => {
  isConnected = true
  await revocations.ban(alice)
  expect(standing.mayAct(session)).toBe(true)
  isCut = true
  expect(standing.mayAct(session)).toBe(false)
})

test('bans and revocations survive a restart, those that have expired do not', async () => {
  await revocations.ban(alice)
  await revocations.revoke('past', Date.now() - 1)
  const again = openRevocations(storage)
  expect([again.holds({ user: alice }), again.holds({ user: userIdOf('bob'), jti: 'past' })]).toEqual([true, false])
})
