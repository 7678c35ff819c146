import type { CheckpointFault, Finding } from '../../core/tlog/export-findings.ts';

const CHECKPOINT: Readonly<Record<CheckpointFault, string>> = {
  malformed: 'is no signed note with a checkpoint',
  unknown: 'is signed by none of the keys given',
  forged: 'has a signature that is not of the key it names',
  origin: 'is of another log',
  order: 'stands in the wrong place',
  'no-map': 'commits to no map of sub-logs',
};

/** What was found, and where, for people. */
export function findingText(finding: Finding): string {
  switch (finding.kind) {
    case 'not-an-export':
      return 'the first line is not that of an export';
    case 'bad-line':
      return `line ${finding.line} has not the form of its kind`;
    case 'truncated':
      return `the export ends before its last line, at event ${finding.index}`;
    case 'checkpoint':
      return `${finding.line === 0 ? 'the checkpoint given' : `the checkpoint on line ${finding.line}`}${sizeOf(finding.size)} ${CHECKPOINT[finding.reason]}`;
    case 'other-log':
      return `the export is of another log: ${finding.found} instead of ${finding.expected}`;
    case 'forked':
      return `between size ${finding.from} and size ${finding.to} this export and ${finding.line === 0 ? 'the checkpoint given' : `the checkpoint on line ${finding.line}`} are two different logs`;
    case 'uncovered':
      return `no checkpoint covers the events from ${finding.index} to ${finding.to}`;
    case 'unreached':
      return `nothing leads from this export to the checkpoint given, of size ${finding.size}`;
    case 'not-whole':
      return `only the whole log can be checked to be complete: [0, ${finding.size}) instead of [${finding.from}, ${finding.to})`;
    case 'proof':
      return `the proof does not lead from the end of the export to the checkpoint of size ${finding.size} on line ${finding.line}`;
    case 'map':
      return `the map of sub-logs in the checkpoint of size ${finding.size} is not that of the events before it`;
    case 'map-unknown':
      return `maps beyond size ${finding.size} cannot be made anew: what stood in an erased event is not known any more`;
    case 'digest':
      return `the digest on the last line (${finding.line}) is not that of the lines that are not events`;
    case 'surplus':
      return `line ${finding.line} stands behind the end`;
    default:
      return eventText(finding);
  }
}

type EventFinding = Extract<
  Finding,
  {
    readonly kind:
      'changed' | 'dropped' | 'inserted' | 'moved' | 'swapped' | 'false-event' | 'not-canonical' | 'tile' | 'peaks' | 'erasure';
  }
>;

function eventText(finding: EventFinding): string {
  switch (finding.kind) {
    case 'changed':
      return `event ${finding.index} on line ${finding.line} was changed`;
    case 'dropped':
      return finding.count === 1
        ? `event ${finding.index} is missing`
        : `${finding.count} events are missing, from event ${finding.index} on`;
    case 'inserted':
      return `line ${finding.line}, before event ${finding.index}, is no event of the log`;
    case 'moved':
      return `event ${finding.found} stands on line ${finding.line} in the place of event ${finding.index}`;
    case 'swapped':
      return `events ${finding.index} and ${finding.found} were swapped (line ${finding.line})`;
    case 'false-event':
      return finding.count === 1
        ? `event ${finding.index} on line ${finding.line} stands in the log, and says another position or tenant`
        : `${finding.count} events from event ${finding.index} on stand in the log, and say another position or tenant`;
    case 'not-canonical':
      return `event ${finding.index} on line ${finding.line} is not in canonical JSON`;
    case 'tile':
      return `tile ${finding.tile} is wrong or missing (line ${finding.line})`;
    case 'peaks':
      return `the hashes before the range on the first line are not those of the tile on line ${finding.line}`;
    case 'erasure':
      return `event ${finding.index} on line ${finding.line} is said to be erased, and no later event of the export says so`;
  }
}

function sizeOf(size: number | undefined): string {
  return size === undefined ? '' : ` of size ${size}`;
}
