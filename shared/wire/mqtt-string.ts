/**
 * Can this text go to any client as an MQTT string [MQTT-1.5.4]? U+0000 and lone surrogates must not; of control characters and
 * non-characters the standard says "should not", and libmosquitto drops the connection that brings them.
 */
export function isMqttString(text: string): boolean {
  return !/[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/u.test(text) && Buffer.byteLength(text) <= 65_535
}
