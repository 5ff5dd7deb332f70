import { expect, test } from '@jest/globals'
import { isMqttString } from './mqtt-string.ts'

test.each(['\u0000', '\u0001', '\n', '\u001f', '\u007f', '\u0085', '\u009f', '\ufdd0', '\ufdef', '\ufffe', '\uffff'])(
  '%j is not allowed in an MQTT string',
  (text) => expect([text, isMqttString(`a${text}b`)]).toEqual([text, false]),
)

test.each(['\ud800', '\udc00', '\u{1fffe}', '\u{10ffff}', 'x'.repeat(65_536)])(
  'neither is a lone surrogate, a non-character of any plane, or a text over 65,535 bytes',
  (text) => expect(isMqttString(text)).toBe(false),
)

test.each(['', 'fleet/1', 'Grüße', '東京', '🦊', 'क्ष', '\ufffd', '\u00a0', '\u200d', '\ufeff'])(
  '%j is allowed',
  (text) => expect(isMqttString(text)).toBe(true),
)
