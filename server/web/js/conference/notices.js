/** Which events are told as a toast: what concerns oneself, what one did, and in a small circle who comes and goes. */

import { toast } from '../ui/toast.js';
import { sentenceOf, sourceWord } from '../ui/words.js';

// Beyond this many people, comings and goings are a count and not news.
const SMALL_CIRCLE = 12;

export class Notices {
  /** @param {import('../podium.js').Podium} podium */
  constructor(podium) {
    this.podium = podium;
    this.announcer = document.getElementById('announcer');
  }

  /** @param {import('../lib/shapes.js').RoomEvent} event @param {import('../lib/shapes.js').Person | null} before */
  tell(event, before) {
    const room = this.podium.room;
    const sentence = room && sentenceOf(room, event, before);
    if (!room || !sentence) return;
    const source = event.source;
    // A moderator's unmute of a device that is off here is a wish, and the stage door asks for it.
    const wish = event.type === 'media.unmuted' && event.person === room.you && event.by !== room.you;
    if (wish && (source === 'audio' || source === 'video') && !this.podium.media.wants[source]) return;
    const concernsMe = event.person === room.you || event.by === room.you;
    const coming = ['participant.joined', 'participant.left', 'participant.away', 'participant.returned', 'stage.taken', 'stage.left'].includes(event.type);
    if (!concernsMe && coming && event.reason !== 'removed' && room.people.size > SMALL_CIRCLE) {
      // Seen on the stage and in the list; told to those who do not see.
      if (event.type.startsWith('stage.') && this.announcer) this.announcer.textContent = sentence.text;
      return;
    }
    toast(sentence.text, { kind: sentence.kind });
  }

  /** @param {string} source */
  deviceEnded(source) {
    if (source === 'screen') return;
    toast(`Your ${sourceWord(source)} was disconnected.`, { kind: 'warn' });
  }
}
