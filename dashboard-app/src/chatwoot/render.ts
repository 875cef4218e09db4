/**
 * Shows the content of a message as the dashboard of Chatwoot 4.13.0 shows it (contract of Chatwoot, section 5.6).
 *
 * The recordings in `tests/fixtures/chatwoot/chatwoot-4.13.0-rendering.json` are what a real screen showed; the test
 * beside this file holds us to them.
 */
import DOMPurify from 'dompurify';
import MarkdownIt from 'markdown-it';
import linkAttributes from 'markdown-it-link-attributes';

const markdown = new MarkdownIt({
  html: false,
  xhtmlOut: true,
  breaks: true,
  langPrefix: 'language-',
  linkify: true,
  typographer: true,
  quotes: '\u201c\u201d\u2018\u2019',
})
  .disable(['lheading'])
  .use(linkAttributes, {
    attrs: { class: 'link', rel: 'noreferrer noopener nofollow', target: '_blank' },
  });

/** `[@Sam](mention://user/2/Sam)` is a name with a colour and not a link, for people and teams. */
markdown.inline.ruler.before('link', 'mention', (state, silent) => {
  if (state.src[state.pos] !== '[') return false;
  const labelEnd = state.md.helpers.parseLinkLabel(state, state.pos, true);
  if (labelEnd < 0 || state.src[labelEnd + 1] !== '(') return false;
  const target = state.md.helpers.parseLinkDestination(state.src, labelEnd + 2, state.posMax);
  if (!target.ok || !target.str.startsWith('mention://') || state.src[target.pos] !== ')') return false;
  if (!silent) {
    state.push('mention_open', 'span', 1).attrSet('class', 'prosemirror-mention-node');
    state.push('text', '', 0).content = state.src.slice(state.pos + 1, labelEnd);
    state.push('mention_close', 'span', -1);
  }
  state.pos = target.pos + 1;
  return true;
});

/** The height Chatwoot keeps in the address of an image. An address that is not whole makes it show nothing. */
markdown.core.ruler.push('image_height', (state) => {
  for (const block of state.tokens) {
    for (const token of block.children ?? []) {
      const address = token.type === 'image' ? token.attrGet('src') : null;
      if (!address) continue;
      const height = new URL(address).searchParams.get('cw_image_height');
      if (height) token.attrSet('style', `height: ${height};`);
    }
  }
});

/**
 * The HTML of a message bubble, safe to put on a page.
 *
 * `stored` is the text as Chatwoot keeps it. Empty when Chatwoot shows an empty bubble: for an image whose address is
 * relative, its own renderer throws.
 */
export function renderMessage(stored: string): string {
  let html: string;
  try {
    html = markdown.render(stored);
  } catch (cause) {
    if (cause instanceof TypeError) return '';
    throw cause;
  }
  return DOMPurify.sanitize(html, { ADD_ATTR: ['target'] }).trim();
}

/** The HTML of an activity line, whose content is HTML and not markdown (contract of Chatwoot, section 5.2). */
export function renderActivity(stored: string): string {
  return DOMPurify.sanitize(stored, { ADD_ATTR: ['target'] }).trim();
}

/** One line of plain words for the list of conversations. */
export function previewOf(stored: string): string {
  const holder = document.createElement('template');
  holder.innerHTML = renderMessage(stored);
  return (holder.content.textContent ?? '').replace(/\s+/g, ' ').trim();
}
