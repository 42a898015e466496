// SPDX-License-Identifier: PostgreSQL
// Signed tokens (JWT, HS256) as the auth service hands them out, and the check of one that came in.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { Refusal } from './failures';

export type Claims = Record<string, unknown>;

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const signature = (text: string, secret: string) => createHmac('sha256', secret).update(text).digest();

export function signToken(claims: Claims, secret: string): string {
  const text = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${text}.${signature(text, secret).toString('base64url')}`;
}

// The claims of a token that is genuine and has not expired; `now` in seconds.
export function readToken(token: string, secret: string, now: number): Claims {
  const parts = token.split('.');
  if (parts.length !== 3) throw new Refusal(401, 'PGRST301', `Expected 3 parts in JWT; got ${parts.length}`);
  const [head, body, sign] = parts as [string, string, string];
  const given = Buffer.from(sign, 'base64url');
  const right = signature(`${head}.${body}`, secret);
  if (given.length !== right.length || !timingSafeEqual(given, right)) {
    throw new Refusal(401, 'PGRST301', 'JWSError JWSInvalidSignature');
  }
  const parse = (text: string): unknown => JSON.parse(Buffer.from(text, 'base64url').toString());
  if ((parse(head) as Claims).alg !== 'HS256') throw new Refusal(401, 'PGRST301', 'Wrong or unsupported encoding algorithm');
  const claims = parse(body) as Claims;
  if (typeof claims.exp === 'number' && claims.exp + 30 < now) throw new Refusal(401, 'PGRST303', 'JWT expired');
  return claims;
}
