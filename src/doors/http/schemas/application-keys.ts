import { z } from 'zod';
import { KEY_SCOPES } from '../../../administration/application-keys.ts';
import { instantSchema, principalTextSchema } from './common.ts';

export const newKeySchema = z
  .strictObject({
    client: principalTextSchema.meta({ description: 'The application that the key stands for: `client:<issuer>|<client_id>`.' }),
    scopes: z
      .array(z.enum(KEY_SCOPES))
      .min(1)
      .max(KEY_SCOPES.length)
      .refine((scopes) => new Set(scopes).size === scopes.length, 'names a scope twice'),
    note: z.string().min(1).max(200).meta({ description: 'What it is for; shown in lists.' }),
    expires: z
      .union([instantSchema, z.literal('never')])
      .optional()
      .meta({ description: 'In 90 days where absent.' }),
  })
  .meta({ id: 'NewApplicationKey', examples: [{ client: 'client:idp|search-tool', scopes: ['retrieve'], note: 'the search tool' }] });

const key = {
  id: z.string(),
  client: z.string(),
  scopes: z.array(z.string()),
  note: z.string(),
  createdBy: z.string(),
  createdAt: z.string(),
  expires: z.string(),
};

export const addedKeySchema = z
  .strictObject({ ...key, key: z.string().meta({ description: 'The key itself. It is told here and never again.' }) })
  .meta({ id: 'AddedApplicationKey' });

export const applicationKeysSchema = z
  .strictObject({ keys: z.array(z.strictObject(key)), next: z.string().optional() })
  .meta({ id: 'ApplicationKeys' });
