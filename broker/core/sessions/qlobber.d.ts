declare module 'qlobber' {
  export interface QlobberOptions {
    separator?: string
    wildcard_one?: string
    wildcard_some?: string
    match_empty_levels?: boolean
  }
  /** The parts of it that are used here. */
  export class Qlobber<Value> {
    constructor(options?: QlobberOptions)
    add(filter: string, value: Value): this
    remove(filter: string, value?: Value): this
    match(topic: string): Value[]
  }
}
