import type { TenantId } from '../core/ids.ts';
import type { HoneyMarker, HoneyMarkers } from '../core/ports/honey.ts';
import { findMarkers } from './find-markers.ts';
import type { OwnRelease } from './released.ts';
import type { ReleasedText } from './released-texts.ts';

const PAGE = 1_000;

/**
 * The bait whose marker an output holds, each document once: its text came to the model, and not from us. Not where the marker stands in
 * what this very request released, as it may once the document is no longer bait.
 */
export async function baitIn(
  markers: HoneyMarkers,
  { caller }: OwnRelease,
  output: string,
  texts: readonly ReleasedText[],
): Promise<readonly HoneyMarker[]> {
  const all = await allMarkers(markers, caller.tenant);
  const found = findMarkers(
    output,
    all.map(({ marker }) => marker),
  );
  if (found.size === 0) return [];
  const released = findMarkers(texts.map((one) => (one.kind === 'text' ? one.text : '')).join('\n'), found);
  const bait = all.filter(({ marker }) => found.has(marker) && !released.has(marker));
  return [...new Map(bait.map((one) => [one.key, one])).values()];
}

async function allMarkers(markers: HoneyMarkers, tenant: TenantId): Promise<readonly HoneyMarker[]> {
  const all: HoneyMarker[] = [];
  for (;;) {
    const page = await markers.honeyMarkers(tenant, all.at(-1)?.marker, PAGE);
    all.push(...page);
    if (page.length < PAGE) return all;
  }
}
