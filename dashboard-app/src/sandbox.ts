import '@fontsource-variable/inter/wght.css';
import './styles/base.css';

import { createApp } from 'vue';

import SandboxPage from './pages/sandbox/SandboxPage.vue';
import { createWords } from './words/i18n';

createApp(SandboxPage).use(createWords()).mount('#app');
