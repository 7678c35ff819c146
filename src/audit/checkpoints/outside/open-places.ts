import type { OutsidePlace } from '../settings.ts';
import { filePlace } from './file.ts';
import { httpPlace } from './http.ts';
import type { IsSigned, Place } from './place.ts';
import { witnessPlace } from './witness.ts';

/** Throws a RangeError for a key that is none. Opens nothing. */
export function openPlaces(places: readonly OutsidePlace[], isSigned: IsSigned): readonly Place[] {
  return places.map((place) => patient(openPlace(place, isSigned)));
}

function openPlace(place: OutsidePlace, isSigned: IsSigned): Place {
  switch (place.kind) {
    case 'file':
      return filePlace(place.path, place.name, isSigned);
    case 'witness':
      return witnessPlace(place.url, place.key, place.name);
    case 'http':
      return httpPlace(place.url, place.token, place.name, isSigned);
  }
}

/** One that could not be asked is not asked again for a while: with a thousand logs, each would wait for it in turn. */
const REST_MS = 60_000;

function patient(place: Place): Place {
  let restsUntil = 0;
  return {
    ...place,
    async last(origin, signal) {
      if (performance.now() < restsUntil) throw new Error(`${place.name} could not be asked a moment ago`);
      try {
        return await place.last(origin, signal);
      } catch (error) {
        restsUntil = performance.now() + REST_MS;
        throw error;
      }
    },
  };
}
