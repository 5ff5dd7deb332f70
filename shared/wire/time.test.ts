import { expect, test } from '@jest/globals'
import { durationOf, isoNow, isoOf, timeOf, timeOfText } from './time.ts'

test.each([
  // RFC 3339 5.8
  ['1985-04-12T23:20:50.52Z', '1985-04-12T23:20:50.520Z'],
  ['1996-12-19T16:39:57-08:00', '1996-12-20T00:39:57.000Z'],
  ['1990-12-31T23:59:60Z', '1991-01-01T00:00:00.000Z'],
  ['1990-12-31T15:59:60-08:00', '1991-01-01T00:00:00.000Z'],
  ['1937-01-01T12:00:27.87+00:20', '1937-01-01T11:40:27.870Z'],
  // and what its grammar allows besides
  ['2026-11-20t18:00:00z', '2026-11-20T18:00:00.000Z'],
  ['2026-11-20T18:00:00-00:00', '2026-11-20T18:00:00.000Z'],
  ['2026-11-20T18:00:00+23:59', '2026-11-19T18:01:00.000Z'],
  ['2026-11-20T18:00:00.1Z', '2026-11-20T18:00:00.100Z'],
  ['2026-11-20T18:00:00.123456789Z', '2026-11-20T18:00:00.123Z'],
  ['2026-11-20T18:00:00.9999Z', '2026-11-20T18:00:00.999Z'],
  ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
  ['2000-02-29T00:00:00Z', '2000-02-29T00:00:00.000Z'],
  ['2016-12-31T23:59:60.5Z', '2017-01-01T00:00:00.000Z'],
  ['2017-01-01T05:29:60+05:30', '2017-01-01T00:00:00.000Z'],
  ['0000-01-01T00:00:00Z', '0000-01-01T00:00:00.000Z'],
  ['0050-06-01T00:00:00Z', '0050-06-01T00:00:00.000Z'],
  ['9999-12-31T23:59:59Z', '9999-12-31T23:59:59.000Z'],
])('%s is %s', (text, instant) => {
  expect(new Date(timeOf(text)!).toISOString()).toBe(instant)
})

test.each([
  ['no zone', '2026-11-20T18:00:00'],
  ['no seconds', '2026-11-20T18:00Z'],
  ['a date alone', '2026-11-20'],
  ['a space instead of T', '2026-11-20 18:00:00Z'],
  ['24:00', '2026-11-20T24:00:00Z'],
  ['minute 60', '2026-11-20T18:60:00Z'],
  ['second 61', '2026-12-31T23:59:61Z'],
  ['a leap second in the middle of a day', '2026-12-31T12:30:60Z'],
  ['a leap second in the middle of a month', '2026-12-15T23:59:60Z'],
  ['a leap second that is elsewhere in UTC', '2016-12-31T23:59:60-08:00'],
  ['30 February', '2026-02-30T00:00:00Z'],
  ['29 February of no leap year', '2026-02-29T00:00:00Z'],
  ['29 February 1900', '1900-02-29T00:00:00Z'],
  ['31 April', '2026-04-31T00:00:00Z'],
  ['month 0', '2026-00-10T00:00:00Z'],
  ['month 13', '2026-13-10T00:00:00Z'],
  ['day 0', '2026-01-00T00:00:00Z'],
  ['an offset without a colon', '2026-11-20T18:00:00+0100'],
  ['an offset of hours', '2026-11-20T18:00:00+01'],
  ['an offset of 24 hours', '2026-11-20T18:00:00+24:00'],
  ['an offset with minute 60', '2026-11-20T18:00:00+01:60'],
  ['a minus sign that is none', '2026-11-20T18:00:00\u221201:00'],
  ['a point without digits', '2026-11-20T18:00:00.Z'],
  ['a comma', '2026-11-20T18:00:00,5Z'],
  ['a year of five digits', '12026-11-20T18:00:00Z'],
  ['an expanded year', '+002026-11-20T18:00:00Z'],
  ['other digits', '２０２６-11-20T18:00:00Z'],
  ['spaces around it', ' 2026-11-20T18:00:00Z'],
  ['a line end', '2026-11-20T18:00:00Z\n'],
  ['the basic format', '20261120T180000Z'],
  ['a week date', '2026-W47-5T18:00:00Z'],
  ['a fraction of 100 digits', `2026-11-20T18:00:00.${'1'.repeat(100)}Z`],
  ['a digit', '5'],
  ['milliseconds as text', '1764300000000'],
  ['a day and a number', 'tomorrow 1'],
  ['slashes', '12/31/2099'],
  ['what an HTTP header has', 'Fri, 20 Nov 2026 18:00:00 GMT'],
  ['nothing', ''],
  ['null', null],
  ['true', true],
  ['an object', { valueOf: 5 }],
  ['a list', [5]],
  ['NaN', NaN],
  ['infinity', Infinity],
  ['more than a Date can hold', 8.64e15 + 2],
])('%s is not a time: %j', (_, value) => {
  expect(timeOf(value)).toBeUndefined()
})

test('a number is milliseconds', () => {
  expect([timeOf(0), timeOf(1764300000000), timeOf(-1), timeOf(8.64e15)]).toEqual([0, 1764300000000, -1, 8.64e15])
})

test('in a URL or on a command line, milliseconds are digits', () => {
  expect(timeOfText('1764300000000')).toBe(1764300000000)
  expect(timeOfText('1970-01-01T01:00:00+01:00')).toBe(0)
  for (const text of ['', ' ', '0x10', '1e3', '-1', '1.5', '99999999999999999', 'now'])
    expect(timeOfText(text)).toBeUndefined()
})

test.each([
  ['90s', 90_000],
  ['30m', 1_800_000],
  ['1h', 3_600_000],
  ['7d', 604_800_000],
  ['0h', undefined],
  ['1', undefined],
  ['1h30m', undefined],
  ['-1h', undefined],
  ['1.5h', undefined],
  ['1 h', undefined],
  ['1H', undefined],
  ['1w', undefined],
  ['9999999999s', undefined],
  ['', undefined],
])('%j is %j ms', (text, ms) => {
  expect(durationOf(text)).toBe(ms)
})

test('instants are told with milliseconds in UTC, whichever was asked for before', () => {
  expect([1, 1, 0, 1_795_886_121_912].map(isoOf)).toEqual([
    '1970-01-01T00:00:00.001Z',
    '1970-01-01T00:00:00.001Z',
    '1970-01-01T00:00:00.000Z',
    '2026-11-28T17:15:21.912Z',
  ])
  expect(Math.abs(Date.parse(isoNow()) - Date.now())).toBeLessThan(60_000)
  expect(isoOf(2)).toBe('1970-01-01T00:00:00.002Z')
})
