import { createI18n } from 'vue-i18n';

import en from './en.json';

/** All words of both pages. A further language is a further file with the same keys. */
export function createWords() {
  return createI18n({ legacy: false, locale: 'en', fallbackLocale: 'en', messages: { en } });
}
