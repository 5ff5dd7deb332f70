/** Prefix that marks a subscription's filter as one of open topics. */
export const OPEN = '$open/'

export interface Subscription {
  topic: string
  qos: 0 | 1 | 2
  /** No Local, Retain As Published, Retain Handling [MQTT-3.8.3.1]. */
  nl?: boolean
  rap?: boolean
  rh?: number
  subscriptionIdentifier?: number
}
