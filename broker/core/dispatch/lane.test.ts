import { beforeEach, expect, test } from '@jest/globals'
import { commandWith } from '../../../test/command.ts'
import { userIdOf } from '../../../shared/wire/user-id.ts'
import { Job } from './job.ts'
import { Lane } from './lane.ts'

let lane: Lane
let jobs: Job[]
beforeEach(() => {
  let time = 0
  lane = new Lane(() => ++time)
  jobs = [1, 2, 3, 4].map(jobOf)
  for (const job of jobs) lane.push(job)
})

function jobOf(order: number): Job {
  const user = userIdOf('alice')
  return new Job(commandWith({ id: `${user}/${order}`, order, user, at: 0 }), 'g', 0)
}

/** The orders in which what waits goes into flight. */
function sendsAll(): number[] {
  const sent: number[] = []
  for (let job = lane.next; job; job = lane.next) {
    sent.push(job.order)
    lane.startNext()
  }
  return sent
}

test('commands whose common commit fails are taken back one by one, and sent again in their order', () => {
  const [first, second] = jobs as [Job, Job]
  for (let i = 0; i < 3; i++) lane.startNext()
  first.ending = second.ending = true
  for (const job of [first, second]) {
    job.ending = false
    lane.takeBack(job)
  }
  expect(sendsAll()).toEqual([1, 2, 3, 4])
})

test('a command whose end alone cannot be stored does not overtake those that were taken back meanwhile', () => {
  const [first, second] = jobs as [Job, Job]
  for (let i = 0; i < 3; i++) lane.startNext()
  second.ending = true
  lane.takeBack(first)
  expect(lane.inFlight).toEqual([second])
  second.ending = false
  lane.takeBack(second)
  expect(sendsAll()).toEqual([1, 2, 3, 4])
})
