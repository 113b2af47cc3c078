// Read-outs of several things side by side, as a table below the plots: a row for each that has numbers.

class ReadoutTable {
  constructor({title, rows, columns}) {
    const head = element('tr', {}, element('td'), ...columns.map(([, label]) => element('th', {scope: 'col'}, label)));
    this.rows = rows.map(([row, label, role, sign]) => {
      const name = element('th', {scope: 'row', class: `sgtheory-${role} sgtheory-${sign}`}, element('span', {}, label));
      const cells = columns.map(([column]) => ({key: `${row}_${column}`, cell: element('td', {})}));
      return {cells, node: element('tr', {}, name, ...cells.map(({cell}) => cell))};
    });
    this.keys = new Set(this.rows.flatMap(({cells}) => cells.map(({key}) => key)));
    const table = element('table', {}, element('caption', {}, title), element('thead', {}, head), element('tbody', {}, ...this.rows.map(({node}) => node)));
    // A narrow window moves it sideways, with the arrow keys too.
    this.node = element('div', {class: 'sgtheory-table sgtheory-wide', role: 'region', 'aria-label': title, tabindex: '0'}, table);
  }

  tell(readouts) {
    for (const {node, cells} of this.rows) {
      node.hidden = cells.every(({key}) => readouts[key] === undefined);
      for (const {key, cell} of cells) {
        const text = legible(readouts[key]);
        if (cell.textContent !== text) cell.textContent = text;
      }
    }
  }
}
