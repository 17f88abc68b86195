/** Log levels that the config knows, least first. */
export const LOG_LEVELS = ["error", "warn", "info", "debug", "trace"] as const;
/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];
