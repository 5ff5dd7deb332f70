/** Lets others have their turn in a long walk: SQLite answers within one's own, so that awaiting it is not enough. */
export const aTurn = (): Promise<void> => new Promise((go) => void setImmediate(go))
