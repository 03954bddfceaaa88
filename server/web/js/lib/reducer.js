/**
 * What each event changes in a room: one small function for each type. An event holds the result, so none of them
 * judges anything; a person who is not known here (a crowded conference tells viewers only of the stage) is skipped
 * until they take a place on the stage, which says who they are.
 */

import { entryReducers, slidesDown } from './entries.js';
import { layoutOf, personOf } from './room.js';

/** @typedef {import('./room.js').Room} Room */
/** @typedef {import('./shapes.js').WireEvent} WireEvent */
/** @typedef {import('./shapes.js').Person} Person */

/** @param {Room} room @param {{person: string}} event @param {(person: Person) => void} change */
function update(room, event, change) {
  const person = room.people.get(event.person);
  if (person) change(person);
}

/** @template T @param {T[]} list @param {T} item @returns {T[]} */
const without = (list, item) => list.filter((other) => other !== item);

/** @template T @param {T[]} list @param {T} item @returns {T[]} */
const withItem = (list, item) => (list.includes(item) ? list : [...list, item]);

/** Somebody is not in the conference any more. @param {Room} room @param {string} id */
export function forget(room, id) {
  room.people.delete(id);
  room.stage = without(room.stage, id);
  room.queue = without(room.queue, id);
  room.asking = without(room.asking, id);
  room.remarks.delete(id);
  room.devices.delete(id);
  offTheLayout(room, id);
  slidesDown(room, id);
}

/** Only who is on the stage has a tile there. @param {Room} room @param {string} id */
function offTheLayout(room, id) {
  const { [id]: gone, ...tiles } = room.layout.tiles;
  if (gone || room.layout.spotlight === id) {
    room.layout = { ...room.layout, spotlight: room.layout.spotlight === id ? '' : room.layout.spotlight, tiles };
  }
}

/** @type {{[E in WireEvent as E['type']]: (room: Room, event: E) => void}} */
export const reducers = {
  ...entryReducers,
  'conference.created'(room, event) {
    room.title = event.title;
    room.owner = event.owner;
    room.stagePlaces = event.stage_places;
  },
  'conference.settings_changed'(room, event) {
    const [before, after] = [{ ...room.settings, title: room.title, stage_places: room.stagePlaces }, { ...event.settings, title: event.title, stage_places: event.stage_places }].map((all) => new Map(Object.entries(all)));
    room.lastChanged = [...new Set([...before.keys(), ...after.keys()])].filter((name) => JSON.stringify(before.get(name)) !== JSON.stringify(after.get(name)));
    room.title = event.title;
    room.stagePlaces = event.stage_places;
    room.settings = event.settings ?? {};
  },
  'conference.mode_changed'(room, event) {
    room.mode = event.mode;
    room.teacher = event.teacher ?? '';
  },
  'conference.owner_changed'(room, event) {
    room.owner = event.owner;
  },
  'recording.started'(room, event) {
    room.recording = event.recording;
  },
  'recording.stopped'(room) {
    room.recording = null;
  },
  'conference.layout_changed'(room, event) {
    room.layout = layoutOf(event.layout);
  },
  'conference.started'(room) {
    room.started = true;
  },
  'conference.pin_changed'(room, event) {
    room.pin = event.pin ?? '';
  },
  'lobby.entered'(room, event) {
    room.lobby.set(event.who.id, event.who);
    room.names.set(event.who.id, event.who.name);
  },
  'lobby.left'(room, event) {
    room.lobby.delete(event.person);
  },
  'conference.ended'(room) {
    room.ended = true;
    room.recording = null;
    room.started = false;
    room.lobby.clear();
    room.layout = layoutOf({ kind: room.layout.kind });
    room.entries.displayed = null;
    room.entries.promoted = null;
    room.entries.slides = null;
    for (const id of [...room.people.keys()]) room.drop(id);
    room.asking = [];
    room.remarks.clear();
    room.count = 0;
  },
  'conference.reopened'(room) {
    room.ended = false;
  },
  'participant.joined'(room, event) {
    const id = event.person;
    if (!room.people.has(id)) room.count += 1;
    room.lobby.delete(id);
    const { name, kind, role, by_right } = event;
    room.add(personOf({ id, name, kind, role, by_right }));
  },
  'participant.away'(room, event) {
    update(room, event, (person) => { person.away = true; });
  },
  'participant.returned'(room, event) {
    update(room, event, (person) => { person.away = false; });
  },
  // Between nodes; no client is told.
  'participant.linked': () => undefined,
  'participant.left'(room, event) {
    if (room.people.has(event.person)) room.count = Math.max(0, room.count - 1);
    room.drop(event.person);
  },
  'participant.blocked'(room, event) {
    const { person, name, by = '', time = 0, note = '' } = event;
    room.blocked.set(person, { id: person, name, by, time, note });
    room.names.set(person, name);
  },
  'participant.unblocked'(room, event) {
    room.blocked.delete(event.person);
  },
  'role.assigned'(room, event) {
    update(room, event, (person) => {
      person.role = event.role;
      if (event.by_right != null) person.by_right = event.by_right;
    });
  },
  'devices.reported'(room, event) {
    if (event.devices?.length) room.devices.set(event.person, event.devices);
    else room.devices.delete(event.person);
  },
  'devices.selected'() {
    // Said to the person's client, which follows and reports.
  },
  'stage.requested'(room, event) {
    room.queue = withItem(room.queue, event.person);
  },
  'stage.withdrawn'(room, event) {
    room.queue = without(room.queue, event.person);
  },
  'stage.refused'(room, event) {
    room.queue = without(room.queue, event.person);
  },
  'stage.reordered'(room, event) {
    room.queue = [...event.queue];
  },
  'stage.invited'(room, event) {
    update(room, event, (person) => { person.invited = true; });
  },
  'stage.declined'(room, event) {
    update(room, event, (person) => { person.invited = false; });
  },
  'stage.taken'(room, event) {
    const id = event.person;
    if (!room.people.has(id)) room.add(personOf(event.who));
    room.stage = withItem(room.stage, id);
    room.queue = without(room.queue, id);
    room.asking = without(room.asking, id);
    room.remarks.delete(id);
    update(room, event, (person) => {
      person.on_stage = true;
      person.invited = false;
      person.tracks = [...(event.who.tracks ?? [])];
    });
  },
  'stage.left'(room, event) {
    room.stage = without(room.stage, event.person);
    offTheLayout(room, event.person);
    slidesDown(room, event.person);
    update(room, event, (person) => {
      person.on_stage = false;
      person.tracks = [];
    });
  },
  'remark.requested'(room, event) {
    room.asking = withItem(room.asking, event.person);
  },
  'remark.withdrawn'(room, event) {
    room.asking = without(room.asking, event.person);
  },
  'remark.refused'(room, event) {
    room.asking = without(room.asking, event.person);
  },
  'remark.granted'(room, event) {
    const id = event.person;
    if (!room.people.has(id)) room.add(personOf(event.who));
    room.asking = without(room.asking, id);
    room.remarks.set(id, event.until);
  },
  'remark.ended'(room, event) {
    room.remarks.delete(event.person);
    update(room, event, (person) => { person.tracks = []; });
  },
  'media.muted'(room, event) {
    update(room, event, (person) => {
      const { source } = event;
      person.muted = withItem(person.muted, source);
      person.locked = event.locked ? withItem(person.locked, source) : without(person.locked, source);
      room.mutedBy.set(`${person.id}/${source}`, event.by ?? person.id);
    });
  },
  'media.unmuted'(room, event) {
    update(room, event, (person) => {
      const { source } = event;
      person.muted = without(person.muted, source);
      person.locked = without(person.locked, source);
      room.mutedBy.delete(`${person.id}/${source}`);
    });
  },
  'media.unmute_asked'() {
    // A question is asked once; nothing of it stays.
  },
  'track.published'(room, event) {
    update(room, event, (person) => {
      person.tracks = withItem(person.tracks, event.source);
    });
  },
  'track.unpublished'(room, event) {
    update(room, event, (person) => {
      person.tracks = without(person.tracks, event.source);
    });
  },
};
