import type { Browser } from 'playwright-core'
import type { Device } from '../device.ts'
import { tokenFor } from '../device.ts'
import { befriend } from '../friends.ts'
import type { Stage } from '../stage.ts'
import { Visitor, type Visit } from './visitor.ts'

// People with something to show: for screenshots of the page, and for what checks each of its views.

const NAMES: Record<string, string> = {
  alice: 'Alice Winter',
  bob: 'Bob Lindqvist',
  carla: 'Carla Rossi',
  dev: 'Dev Patel',
  emma: 'Emma Okafor',
  finn: 'Finn Murray',
}
const FRIENDS = ['bob', 'carla', 'dev', 'finn']

export type Who = Pick<Visit, 'colors' | 'size'>

/** A place of the page, and how one comes there. */
export interface View {
  readonly name: string
  readonly user: 'alice' | 'new'
  /** @returns others who have to leave before the next view */
  open(visitor: Visitor, world: World): Promise<Visitor[] | void>
}

export class World {
  readonly stage: Stage
  readonly #browser: Browser
  readonly #url: string
  readonly #devices = new Map<string, Device>()
  readonly proxy: { blackhole(on: boolean): void; cut(): void }

  private constructor(stage: Stage, browser: Browser, port: number, proxy: World['proxy']) {
    this.stage = stage
    this.#browser = browser
    this.#url = `https://127.0.0.1:${port}/`
    this.proxy = proxy
  }

  /** @param proxy stands before the page's port, and can take the network away */
  static async open(stage: Stage, browser: Browser, proxy: World['proxy'] & { port: number }): Promise<World> {
    const world = new World(stage, browser, proxy.port, proxy)
    await world.#fill()
    return world
  }

  async visitor(user: string, who: Who = {}): Promise<Visitor> {
    return Visitor.open(this.#browser, { url: this.#url, user, token: tokenFor(user, this.stage.secret), ...who })
  }

  device(user: string): Device {
    return this.#devices.get(user)!
  }

  async #fill(): Promise<void> {
    for (const [user, name] of Object.entries(NAMES)) {
      const device = await this.stage.device(user)
      this.#devices.set(user, device)
      await device.asks('update_profile', { fields: { name } })
    }
    const alice = this.device('alice')
    for (const friend of FRIENDS) await befriend(alice, this.device(friend))
    await this.device('bob').asks('update_profile', {
      fields: { status_text: 'Usually on a bicycle', city: 'Gothenburg' },
    })
    await this.device('dev').asks('set_status', { status: 'busy', text: 'in a workshop' })
    await this.device('finn').asks('set_status', { status: 'away' })
    await this.device('emma').asks('request_contact', { user_id: 'alice', note: 'We met at the harbour fair' })
    await this.#says('alice', 'bob', 'Morning! Did the new route go live?')
    await this.#says('bob', 'alice', 'Last night, and nobody noticed. The best kind of release.')
    await this.#says('bob', 'alice', 'Numbers are here: https://status.example.org/routes/7')
    await this.#says('alice', 'bob', 'Lovely. Then let us show it on Thursday.')
    await this.#says('alice', 'bob', 'I will bring the big screen, you bring the story.')
    await this.#says('bob', 'alice', 'Deal. Lunch before?')
    await this.#says('carla', 'alice', 'The tickets are booked, platform 4 at 8:10.')
    await this.#says('dev', 'alice', 'Call me when you are out of the meeting')
    const made = await alice.asks('create_group', { title: 'Weekend trip', members: ['bob', 'carla', 'finn'] })
    const group_id = String(made['group_id'])
    for (const [user, body] of [
      ['carla', 'I found a cabin by the lake, six beds and a sauna.'],
      ['finn', 'Count me in. I can drive four people.'],
      ['bob', 'I bring breakfast for everybody.'],
    ] as const) {
      await this.device(user).asks('send_message', { group_id, body })
    }
  }

  async #says(from: string, to: string, body: string): Promise<void> {
    await this.device(from).asks('send_message', { to, body })
  }
}

/** The main views, in each of the states that matter. */
export const VIEWS: View[] = [
  {
    name: 'empty',
    user: 'new',
    open: (one) => one.sees('No chats yet'),
  },
  {
    name: 'chat',
    user: 'alice',
    async open(one) {
      await one.goes('chats', 'user', 'bob')
      await one.sees(one.message('Deal. Lunch before?'))
    },
  },
  {
    name: 'group',
    user: 'alice',
    async open(one) {
      await one.goes('chats')
      await one.page.getByRole('link', { name: /Weekend trip/ }).click()
      await one.sees(one.message('breakfast'))
    },
  },
  {
    name: 'group-info',
    user: 'alice',
    async open(one) {
      await one.goes('chats')
      await one.page.getByRole('link', { name: /Weekend trip/ }).click()
      await one.press('About this group')
      await one.sees(one.page.getByRole('dialog').getByText('Finn Murray'))
    },
  },
  {
    name: 'chats',
    user: 'alice',
    async open(one) {
      await one.goes('chats')
      await one.sees(one.page.getByRole('link', { name: /Bob Lindqvist/ }))
    },
  },
  {
    name: 'people',
    user: 'alice',
    async open(one) {
      await one.goes('people')
      await one.sees('We met at the harbour fair')
    },
  },
  {
    name: 'profile',
    user: 'alice',
    async open(one) {
      await one.goes('people', 'profile', 'bob')
      await one.sees('Gothenburg')
    },
  },
  {
    name: 'settings',
    user: 'alice',
    async open(one) {
      await one.goes('settings')
      await one.sees(one.button('Save'))
    },
  },
  {
    name: 'feed',
    user: 'alice',
    async open(one, world) {
      await one.goes('chats')
      await one.press('Feed')
      await one.goes('chats', 'user', 'carla')
      await world.device('carla').asks('mark_read', { with: 'alice', up_to: 1 })
      await world.device('carla').asks('set_status', { status: 'available', text: 'on the train' })
      await world.device('carla').sends('typing', { to: 'alice' })
      await one.sees(one.page.getByText('user_typing'))
    },
  },
  {
    name: 'incoming',
    user: 'alice',
    async open(one, world) {
      const bob = await world.visitor('bob')
      await one.goes('chats', 'user', 'bob')
      await bob.goes('chats', 'user', 'alice')
      await bob.press('Call Alice Winter with video')
      await one.sees('is calling you')
      return [bob]
    },
  },
  {
    name: 'call',
    user: 'alice',
    async open(one, world) {
      const bob = await world.visitor('bob')
      await bob.goes('chats', 'user', 'alice')
      await bob.press('Call Alice Winter with video')
      await one.press('With video')
      await one.seesMovement()
      return [bob]
    },
  },
  {
    name: 'voice-call',
    user: 'alice',
    async open(one, world) {
      const bob = await world.visitor('bob')
      await bob.goes('chats', 'user', 'alice')
      await bob.press('Call Alice Winter')
      await one.press('Answer')
      await one.sees(one.page.getByText(/0:0\d/))
      return [bob]
    },
  },
  {
    name: 'offline',
    user: 'alice',
    async open(one, { proxy }) {
      await one.goes('chats', 'user', 'carla')
      await one.sees(one.message('platform 4'))
      proxy.blackhole(true)
      proxy.cut()
      await one.sees(one.page.getByText(/offline|Connecting/).first())
      await one.writes('Perfect, see you there. I bring coffee.')
      await one.sees('1 change waits')
    },
  },
]
