/**
 * Whether a text can go to any client as an MQTT string [MQTT-1.5.4]. U+0000 and lone surrogates are forbidden; control characters
 * and non-characters "should not" be sent, and libmosquitto drops a connection that brings them.
 */
export function isMqttString(text: string): boolean {
  return !/[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/u.test(text) && Buffer.byteLength(text) <= 65_535
}
