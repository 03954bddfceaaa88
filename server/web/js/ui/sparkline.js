/** A value's last minute as a small line. The value itself stands beside it as text, so readers are not told of it. */

const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 96;
const HEIGHT = 22;

export class Sparkline {
  /** @type {number[]} */ #values = [];

  /** @param {number} [points] how many values are kept */
  constructor(points = 30) {
    this.points = points;
    this.node = document.createElementNS(SVG, 'svg');
    this.node.setAttribute('class', 'spark');
    this.node.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    this.node.setAttribute('aria-hidden', 'true');
    this.area = this.node.appendChild(document.createElementNS(SVG, 'path'));
    this.area.setAttribute('class', 'spark-area');
    this.line = this.node.appendChild(document.createElementNS(SVG, 'path'));
    this.line.setAttribute('class', 'spark-line');
  }

  /** @param {number} value */
  push(value) {
    this.#values = [...this.#values, value].slice(-this.points);
    // The newest stands at the right edge; the line grows in from there.
    const step = WIDTH / (this.points - 1);
    const most = Math.max(...this.#values, 1e-9);
    const places = this.#values.map((one, index) => {
      const x = WIDTH - (this.#values.length - 1 - index) * step;
      return `${x.toFixed(1)} ${(HEIGHT - 2 - (one / most) * (HEIGHT - 4)).toFixed(1)}`;
    });
    const line = `M${places.join('L')}`;
    this.line.setAttribute('d', line);
    const first = (WIDTH - (this.#values.length - 1) * step).toFixed(1);
    this.area.setAttribute('d', `${line}L${WIDTH} ${HEIGHT}L${first} ${HEIGHT}Z`);
  }
}
