import { connectAsync } from 'mqtt'
import type { Scenario } from '../measure.ts'
import { userName, type Target } from '../target.ts'

/** Messages between two, stored: from sending to their receipt on the other's device. */
export function chat(couples: number, open: number, bytes: number): Scenario {
  return {
    name: 'chat between two',
    unit: 'message',
    counts: 'done',
    options: { pairs: couples, open, bytes },
    work: (target) => ({
      clients: Array.from({ length: 2 * couples }, (_, i) => ({
        ...target.login(userName(i)),
        subscribes: i % 2 ? [target.eventTopic(userName(i), 'message_received')] : [],
        qos: 1,
      })),
      work: {
        flows: Array.from({ length: couples }, (_, i) => ({
          from: 2 * i,
          to: [2 * i + 1],
          topic: target.commandTopic(userName(2 * i), 'send_message'),
          before: `{"to":"${userName(2 * i + 1)}","body":"`,
          after: ` ${'x'.repeat(bytes)}"}`,
        })),
        qos: 1,
        pace: { window: open },
      },
    }),
  }
}

/** Messages to one large group, one after another: to their receipt on the device of each member, the sender included. */
export function groupChat(members: number, bytes: number): Scenario {
  return {
    name: 'chat in a group',
    unit: 'receipt',
    counts: 'heard',
    options: { members, bytes },
    async work(target) {
      const users = Array.from({ length: members }, (_, i) => userName(i))
      const group = await createGroup(target, users)
      return {
        clients: users.map((user) => ({
          ...target.login(user),
          subscribes: [target.eventTopic(user, 'message_received')],
          qos: 1,
        })),
        work: {
          flows: [
            {
              from: 0,
              to: users.map((_, i) => i),
              topic: target.commandTopic(users[0]!, 'send_message'),
              before: `{"group_id":"${group}","body":"`,
              after: ` ${'x'.repeat(bytes)}"}`,
            },
          ],
          qos: 1,
          pace: { window: 1 },
        },
      }
    },
  }
}

async function createGroup(target: Target, [owner = '', ...members]: string[]): Promise<string> {
  const client = await connectAsync(target.url, {
    ...target.login(owner, 'owner'),
    ca: target.ca,
    protocolVersion: 5,
    reconnectPeriod: 0,
  })
  const created = new Promise<string>((resolve) => {
    client.on('message', (_, payload) => resolve((JSON.parse(payload.toString()) as { group_id: string }).group_id))
  })
  await client.subscribeAsync(target.eventTopic(owner, 'group_updated'), { qos: 1 })
  const command = JSON.stringify({ title: 'All', members })
  await client.publishAsync(target.commandTopic(owner, 'create_group'), command, { qos: 1 })
  const group = await created
  await client.endAsync(true)
  return group
}
