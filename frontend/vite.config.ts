import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

// Numbers and dates are written as the reader's system has them; tests have one for all.
if (process.env.VITEST) Object.assign(process.env, { LC_ALL: 'en_US.UTF-8', TZ: 'Europe/Berlin' });

export default defineConfig({
  plugins: [react()],
  server: { host: '127.0.0.1', port: 5173 },
  preview: { host: '127.0.0.1', port: 5173 },
  build: { chunkSizeWarningLimit: 900 },
  test: {
    environment: 'jsdom',
    include: ['src/**/*.test.{ts,tsx}'],
    setupFiles: ['src/testing/setup.ts'],
    testTimeout: 20_000,
    restoreMocks: true,
    unstubGlobals: true,
  },
});
