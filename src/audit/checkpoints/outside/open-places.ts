import type { OutsidePlace } from '../settings.ts';
import { filePlace } from './file.ts';
import { httpPlace } from './http.ts';
import type { Place } from './place.ts';
import { witnessPlace } from './witness.ts';

/** Throws a RangeError for a key that is none. Opens nothing. */
export function openPlaces(places: readonly OutsidePlace[]): readonly Place[] {
  return places.map((place) => {
    switch (place.kind) {
      case 'file':
        return filePlace(place.path, place.name);
      case 'witness':
        return witnessPlace(place.url, place.key, place.name);
      case 'http':
        return httpPlace(place.url, place.token, place.name);
    }
  });
}
