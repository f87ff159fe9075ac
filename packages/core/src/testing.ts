/** For the tests of applications: `@leasehold/core/testing`. */
export { atMostFlights, type Flight, flightsText, recordFlights, type Recording } from './flight-recording.ts'
export { type JournalEntry, RecordingDriver, refusal, type Script } from './recording-driver.ts'
export type { Answering, Answers, Call, Reply, ResultParts } from './reply.ts'
