// SPDX-License-Identifier: PostgreSQL
// What goes wrong, as an HTTP answer: the stand-in's own refusals (PGRST codes) and the server's errors by SQLSTATE.

export interface ErrorBody {
  code: string;
  message: string;
  details: string | null;
  hint: string | null;
}

export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details: string | null = null,
    readonly hint: string | null = null,
  ) {
    super(message);
  }
}

// Longest prefix first.
const statusOfState: [string, number][] = [
  ['23503', 409], ['23505', 409], ['25006', 405], ['28', 403], ['0L', 403], ['0P', 403], ['08', 503], ['09', 500],
  ['21', 500], ['22023', 400], ['25', 500], ['2D', 500], ['38', 500], ['39', 500], ['3B', 500], ['40', 500], ['53400', 500],
  ['53', 503], ['54', 500], ['55', 500], ['57P01', 503], ['57', 500], ['58', 500], ['F0', 500], ['HV', 500], ['P0001', 400],
  ['P0', 500], ['XX', 500], ['42883', 404], ['42P01', 404], ['42P17', 500],
];

export function httpStatus(state: string, anonymous: boolean): number {
  if (/^PT\d{3}$/.test(state)) return Number(state.slice(2));
  if (state === '42501') return anonymous ? 401 : 403;
  const found = statusOfState.filter(([prefix]) => state.startsWith(prefix)).sort((a, b) => b[0].length - a[0].length)[0];
  return found ? found[1] : 400;
}

interface ServerError {
  code: string;
  message: string;
  detail?: string;
  hint?: string;
}

const isServerError = (error: unknown): error is ServerError =>
  error instanceof Error && typeof (error as Partial<ServerError>).code === 'string' && 'severity' in error;

export function answerOf(error: unknown, anonymous: boolean): { status: number; body: ErrorBody } {
  if (error instanceof Refusal) {
    const { status, code, message, details, hint } = error;
    return { status, body: { code, message, details, hint } };
  }
  if (isServerError(error)) {
    const { code, message, detail = null, hint = null } = error;
    return { status: httpStatus(code, anonymous), body: { code, message, details: detail, hint } };
  }
  return { status: 500, body: { code: 'STANDIN', message: String(error), details: null, hint: null } };
}
