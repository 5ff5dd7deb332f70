import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { commandWith } from '../../../test/command.ts'
import { openLog } from '../../../shared/log.ts'
import { commandName } from '../../../shared/wire/topic.ts'
import { userIdOf } from '../../../shared/wire/user-id.ts'
import type { HandlerSession } from '../../seam/session.ts'
import { Attendance } from './attendance.ts'
import { Group } from './group.ts'
import { Job } from './job.ts'

const GRACE = 1_000

let groups: Map<string, Group>
let attendance: Attendance
let said: string[]

beforeEach(() => {
  jest.useFakeTimers()
  said = []
  groups = new Map(['declared', 'other'].map((name) => [name, group()]))
  const log = openLog('info', 'test', { write: (line) => void said.push((JSON.parse(line) as { msg: string }).msg) })
  attendance = new Attendance(groups, (name) => name === 'declared', log, GRACE)
})
afterEach(() => {
  attendance.close()
  for (const one of groups.values()) one.close()
  jest.useRealTimers()
})

function group(): Group {
  const nothing = (): void => {}
  return new Group({
    rule: () => ({ ordered: false, timeoutMs: 60_000, attempts: 3 }),
    load: () => true,
    putAway: nothing,
    deliver: nothing,
    retried: nothing,
    dead: nothing,
    mayRun: () => true,
    expired: nothing,
    queueTtlMs: 600_000,
    retryDelayMs: 10,
  })
}

function session(client: string): HandlerSession {
  const grants = { pub: [], sub: [] }
  return {
    kind: 'handler',
    id: client,
    group: 'g',
    client,
    rights: { commands: 'all', events: new Set<string>() },
    grants,
    keepsOrder: false,
    keepsTime: false,
  }
}

function send(to: Group, name = 'act'): void {
  const user = userIdOf('alice')
  const id = `${user}/${Math.random()}`
  const command = commandWith({ id, order: 1, user, name: commandName(name) })
  const job = new Job(command, 'g', 0)
  job.inHand = { command, key: undefined }
  to.accept(job)
}

test('a rolling restart is quiet: the next process comes within the grace period', () => {
  for (let n = 0; n < 5; n++) {
    attendance.arrived('declared')
    jest.advanceTimersByTime(10 * GRACE)
    attendance.away('declared')
    send(groups.get('declared')!)
    jest.advanceTimersByTime(GRACE - 1)
    expect(attendance.faults()).toEqual([])
  }
  expect(said).toEqual(['a group has its first process'])
})

test('an absence is logged once when it begins and once when it ends, and shown while commands wait', () => {
  attendance.arrived('declared')
  attendance.away('declared')
  jest.advanceTimersByTime(GRACE)
  expect(attendance.faults()).toEqual([]) // nothing waits
  for (let n = 0; n < 3; n++) {
    send(groups.get('declared')!)
    attendance.away('declared')
    jest.advanceTimersByTime(10_000)
  }
  expect(attendance.faults()).toEqual(['the group declared has no process: 3 waiting, the oldest for 30 s'])
  attendance.arrived('declared')
  groups.get('declared')!.consume(session('one'), 10, 'act', 1)
  expect(attendance.faults()).toEqual([])
  expect(said).toEqual([
    'a group has its first process',
    'a group has no process; its commands wait until one is started',
    'a group has a process again',
  ])
})

test('the absence of an undeclared group without commands is not reported', () => {
  attendance.arrived('other')
  attendance.away('other')
  jest.advanceTimersByTime(10 * GRACE)
  expect(said).toEqual(['a group has its first process'])
})

test('a command that no process of its group consumes is shown, while others are served', () => {
  const declared = groups.get('declared')!
  declared.consume(session('old'), 10, 'act', 1)
  send(declared)
  send(declared, 'act_anew')
  expect(attendance.faults()).toEqual([])
  jest.advanceTimersByTime(20_000)
  expect(attendance.faults()).toEqual([
    'no process of the group declared consumes act_anew: the oldest has waited for 20 s',
  ])
  declared.consume(session('new'), 10, 'act_anew', 1)
  expect(attendance.faults()).toEqual([])
})

test('a silent process is named until it is back, or for ten minutes', () => {
  attendance.fellSilent('declared', 'declared.1')
  attendance.fellSilent('other', 'other.1')
  jest.advanceTimersByTime(3_000)
  expect(attendance.faults()).toEqual([
    'a process of the group declared (declared.1) has not answered for 3 s',
    'a process of the group other (other.1) has not answered for 3 s',
  ])
  expect(said).toEqual(Array(2).fill('cut off a handler process that does not answer; kill it if it hangs'))
  attendance.isBack('declared.1')
  expect(attendance.faults()).toEqual(['a process of the group other (other.1) has not answered for 3 s'])
  jest.advanceTimersByTime(600_000)
  expect(attendance.faults()).toEqual([])
})

test('a stuck process is named, and since when, until it is free or gone', () => {
  const [one, two] = [session('one.1'), session('two.1')]
  const told = { command: 'act', over_ms: 2_400 }
  expect([attendance.isStuck(one, told), attendance.isStuck(one, told)]).toEqual([true, false])
  attendance.isStuck(two, { over_ms: 0 })
  jest.advanceTimersByTime(3_000)
  expect(attendance.faults()).toEqual([
    'a process of the group g (one.1) is stuck: it has computed for 5 s past the time limit of act',
    'a process of the group g (two.1) is stuck: it has computed for 3 s longer than any of its commands may run',
  ])
  expect(said).toEqual(Array(2).fill(expect.stringContaining('a handler process is stuck')))
  expect(attendance.isStuck(one, undefined)).toBe(false)
  attendance.gone(two)
  expect(attendance.faults()).toEqual([])
})
