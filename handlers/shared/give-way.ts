/** Lets other work run in the middle of a long loop. Awaiting SQLite does not: its calls are synchronous inside. */
export const giveWay = (): Promise<void> => new Promise((go) => void setImmediate(go))
