import '@fontsource-variable/inter/wght.css';
import './styles/base.css';

import { createApp } from 'vue';

import App from './App.vue';
import { createWords } from './words/i18n';

createApp(App).use(createWords()).mount('#app');
