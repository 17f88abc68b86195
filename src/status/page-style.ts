/** How the status page looks: light or dark as the browser asks for, and from the width of a phone on. */
export const STYLE = `
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem; }
body { color: #222; background: #fff; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; margin-bottom: 0; }
h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; padding: .25rem 1rem .25rem 0; border-bottom: 1px solid #ddd; }
td:not(.n, :empty) { min-width: 4.5em; } /* short words are not broken */
th { font-weight: 600; }
progress { display: block; width: 100%; }
.about { color: #666; margin-top: 0; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.verdict { font-size: 1.1rem; }
.warn { background: #fff4d6; padding: .5rem .75rem; margin: .25rem 0; }
@media (max-width: 40rem) {
  body { font-size: 14px; }
  td, th { padding-right: .5rem; }
}
@media (min-width: 40rem) {
  td:not(:first-child) { overflow-wrap: break-word; } /* there is room for whole addresses */
}
@media (prefers-color-scheme: dark) {
  body { color: #ddd; background: #1b1b1b; }
  td, th { border-color: #444; }
  .about { color: #999; }
  .warn { background: #4a3c10; }
}
`;
