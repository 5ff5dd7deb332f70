import { holdFolder } from '../broker/storage/hold-folder.ts'

// Holds a folder until it is killed: what a broker in another container does.

await holdFolder(process.argv[2]!)
process.send!('held')
