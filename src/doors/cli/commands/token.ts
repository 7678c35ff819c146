import { z } from 'zod';
import { expectShape, getPublic } from '../api-client.ts';
import { CommandFailure, usage } from '../failure.ts';
import type { Commands } from '../program.ts';

const METADATA = '/.well-known/oauth-protected-resource';
const DEFAULT_CLIENT = 'internal-assistant';
const metadata = z.object({ authorization_servers: z.array(z.string()) });

export function addToken({ program, house, terminal, action }: Commands): void {
  program
    .command('token')
    .description('print one token of the development issuer, and nothing else')
    .option('--as <user>', 'who it is for; of the application alone where left out')
    .option('--client <id>', `through which application (${DEFAULT_CLIENT} where left out)`)
    .action(
      action(async (json, command) => {
        const { as: person, client } = command.opts<{ as?: string; client?: string }>();
        if (person === undefined && client === undefined) throw usage('say --as <user>, or --client <id> for the application alone');
        const { url } = house.clientSettings();
        const asked = { client: client ?? DEFAULT_CLIENT, ...(person === undefined ? {} : { person }) };
        const token = await house.developmentToken({ issuerUrl: await developmentIssuer(url), ...asked });
        terminal.out(json ? JSON.stringify({ token }) : token);
        return 0;
      }),
    );
}

/** The service says where its tokens come from (RFC 9728); one on this machine over http is a development issuer. */
async function developmentIssuer(url: string): Promise<string> {
  const { authorization_servers: servers } = expectShape(metadata, await getPublic(url, METADATA));
  const found = servers.find((server) => URL.parse(server)?.protocol === 'http:');
  if (found !== undefined) return found;
  throw new CommandFailure(`${url} has no development issuer; get a token from ${servers.join(' or ')}`, { code: 'no_development_issuer' });
}
