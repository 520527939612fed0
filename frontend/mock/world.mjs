import { deliveredMail, mailbox, FOLDERS } from './mailbox.mjs';

const PAGES = 40; // a first sync arrives in so many parts

/** One user with at most one mailbox, all in memory: what the API's stand-in answers from. */
export class World {
  users = new Map();
  user = null;
  accounts = [];
  audits = [];
  changes = [];
  #messages = [];
  #visible = 0;
  #sync = null;
  #token = null;
  #refreshToken = null;
  #listeners = new Set();
  #timers = new Set();
  #options;

  constructor(options) {
    this.#options = options;
  }

  // Users

  signUp({ email, password, name }) {
    const user = { id: crypto.randomUUID(), email, name: name ?? '', created_at: new Date().toISOString() };
    this.users.set(email.toLowerCase(), { user, password });
    this.user = user;
  }

  logIn({ email, password }) {
    const found = this.users.get(email.toLowerCase());
    if (found?.password !== password) return false;
    this.user = found.user;
    return true;
  }

  beginSession() {
    this.#token = crypto.randomUUID();
    this.#refreshToken = crypto.randomUUID();
    const reply = { access_token: this.#token, token_type: 'Bearer', expires_in: 900, user: this.user };
    return { reply, refreshToken: this.#refreshToken };
  }

  endSession() {
    this.#token = this.#refreshToken = null;
  }

  /** As if the access token's time had run out. */
  expireToken() {
    this.#token = crypto.randomUUID();
  }

  isSignedIn(authorization) {
    return this.#token !== null && authorization === `Bearer ${this.#token}`;
  }

  mayRefresh(cookie) {
    return this.#refreshToken !== null && (cookie ?? '').includes(`refresh_token=${this.#refreshToken}`);
  }

  // The mailbox

  connect() {
    if (this.accounts.length > 0) return this.accounts[0];
    const account = {
      id: crypto.randomUUID(),
      provider: 'outlook',
      address: 'ada.winter@example.com',
      display_name: 'Ada Winter',
      state: 'syncing',
      state_reason: null,
      delayed_until: null,
      connected_at: new Date().toISOString(),
      changes_checked_at: null,
      changes_unannounced: 0,
      notifications_until: new Date(Date.now() + 7 * 86_400_000).toISOString(),
      notifications_problem: null,
    };
    this.accounts = [account];
    this.#messages = mailbox(account.id, this.#options.messages);
    this.startSync();
    return account;
  }

  disconnect(id) {
    this.accounts = this.accounts.filter((account) => account.id !== id);
    this.#messages = [];
    this.#visible = 0;
    this.#sync = null;
    this.#note('account.removed', { account_id: id });
  }

  account(id) {
    return this.accounts.find((account) => account.id === id) ?? null;
  }

  /** `health`: any of an account's fields. */
  becomes(health) {
    this.accounts = this.accounts.map((account) => ({ ...account, ...health }));
    this.#note('account.changed', {});
    return this.accounts;
  }

  deliver(mail) {
    const message = deliveredMail(this.accounts[0].id, mail);
    this.#messages.unshift(message);
    this.#visible += 1;
    this.#note('message.created', { message_id: message.id, folder_id: message.folder_id });
    return { id: message.id };
  }

  update(id, changes) {
    Object.assign(this.#find(id), changes);
    this.#note('message.updated', { message_id: id });
  }

  remove(id) {
    this.#messages = this.#messages.filter((message) => message.id !== id);
    this.#note('message.deleted', { message_id: id });
  }

  // Its first sync

  startSync() {
    const now = new Date().toISOString();
    this.#visible = 0;
    this.#sync = {
      run_id: crypto.randomUUID(),
      state: 'running',
      requested_at: now,
      started_at: now,
      finished_at: null,
    };
    this.#note('sync.started', {});
    const timer = setInterval(() => this.#syncPage(timer), (this.#options.syncSeconds * 1000) / PAGES);
    this.#timers.add(timer);
    return this.progress();
  }

  #syncPage(timer) {
    const size = Math.ceil(this.#messages.length / PAGES);
    this.#visible = Math.min(this.#messages.length, this.#visible + size);
    if (this.#visible < this.#messages.length) return this.#note('sync.page', { data: { messages: size } });
    clearInterval(timer);
    this.#sync = { ...this.#sync, state: 'completed', finished_at: new Date().toISOString() };
    this.#note('sync.completed', {});
    this.becomes({ state: 'live' });
  }

  // Audits

  startAudit(accountId) {
    const audit = {
      id: crypto.randomUUID(),
      account_id: accountId,
      state: 'running',
      origin: 'owner',
      requested_at: new Date().toISOString(),
      finished_at: null,
      compared: 0,
      missing: 0,
      different: 0,
      extra: 0,
      recent: 0,
      repaired: 0,
      requests: 1,
    };
    this.audits.unshift(audit);
    const timer = setTimeout(() => {
      const compared = this.#shown().length;
      Object.assign(audit, { state: 'completed', finished_at: new Date().toISOString(), compared });
      this.#note('audit.finished', {});
    }, this.#options.syncSeconds * 1000);
    this.#timers.add(timer);
    return audit;
  }

  progress() {
    if (!this.#sync) return null;
    const total = this.#messages.length;
    const seconds = (Date.now() - Date.parse(this.#sync.started_at)) / 1000;
    const rate = this.#sync.finished_at ? null : this.#visible / Math.max(seconds, 0.1);
    return {
      ...this.#sync,
      account_id: this.accounts[0].id,
      total_is_exact: seconds > 1,
      messages_total: total,
      messages_done: this.#visible,
      messages_failed: 0,
      messages_per_second: rate,
      seconds_left: rate ? (total - this.#visible) / rate : null,
      folders: FOLDERS.map((folder) => ({
        folder_id: folder.id,
        display_name: folder.display_name,
        listed: true,
        messages_total: this.#messages.filter((message) => message.folder_id === folder.id).length,
        messages_done: this.#shown().filter((message) => message.folder_id === folder.id).length,
        messages_per_second: rate ?? 0,
        seconds_left: rate ? (total - this.#visible) / rate : null,
      })).filter((folder) => folder.messages_total > 0),
    };
  }

  // Reading

  folders() {
    return FOLDERS.map((folder) => {
      const inside = this.#shown().filter((message) => message.folder_id === folder.id);
      return {
        ...folder,
        account_id: this.accounts[0]?.id,
        message_count: inside.length,
        unread_count: inside.filter((message) => !message.is_read).length,
        provider_message_count: inside.length,
      };
    });
  }

  page(query) {
    const start = Number(query.get('cursor') ?? 0);
    const end = start + Number(query.get('limit') ?? 50);
    const found = this.#shown().filter((message) => passes(message, query));
    return { items: found.slice(start, end), next_cursor: end < found.length ? String(end) : null };
  }

  detail(id, remoteImages) {
    const message = this.#find(id);
    if (!message) return null;
    if (!message.html || remoteImages) return { ...message, remote_images_blocked: 0 };
    const blocked = message.html.match(/src="https:[^"]*"/g) ?? [];
    return {
      ...message,
      html: message.html.replace(/src="https:[^"]*"/g, ''),
      remote_images_blocked: blocked.length,
    };
  }

  thread(id) {
    return this.#shown()
      .filter((message) => message.thread_id === id)
      .reverse();
  }

  attachment(messageId, attachmentId) {
    const file = this.#find(messageId)?.attachments.find(({ id }) => id === attachmentId);
    return file
      ? { ...file, content: file.is_inline ? PICTURE : Buffer.from('The content of the file.\n') }
      : null;
  }

  // Changes

  onChange(listener) {
    this.#listeners.add(listener);
  }

  /** Resolves as soon as there is a change after a position, or the time is over. */
  changeAfter(position, seconds, signal) {
    if (this.changes.length > position || seconds === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(done, seconds * 1000);
      const listeners = this.#listeners;
      function done() {
        clearTimeout(timer);
        listeners.delete(done);
        resolve();
      }
      listeners.add(done);
      signal.addEventListener('abort', done);
    });
  }

  stop() {
    for (const timer of this.#timers) clearInterval(timer);
  }

  #note(kind, details) {
    const position = this.changes.length + 1;
    const account_id = this.accounts[0]?.id ?? crypto.randomUUID();
    const created_at = new Date().toISOString();
    this.changes.push({
      position,
      kind,
      account_id,
      folder_id: null,
      message_id: null,
      data: {},
      created_at,
      ...details,
    });
    for (const listener of [...this.#listeners]) listener(position);
  }

  #shown() {
    return this.#messages.slice(0, this.#visible);
  }

  #find(id) {
    return this.#messages.find((message) => message.id === id);
  }
}

const PICTURE = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAYAAACNMs+9AAAAFUlEQVR42mNk+M9Qz0AEYBxVSF+FABJADveWkH6oAAAAAElFTkSuQmCC',
  'base64',
);

function passes(message, query) {
  const words = (query.get('q') ?? '').toLowerCase().split(/\s+/).filter(Boolean);
  const text =
    `${message.subject} ${message.text} ${message.from?.name} ${message.from?.address}`.toLowerCase();
  return (
    (!query.has('folder_id') || message.folder_id === query.get('folder_id')) &&
    (query.get('unread') !== 'true' || !message.is_read) &&
    (query.get('flagged') !== 'true' || message.flag === 'flagged') &&
    (query.get('has_attachments') !== 'true' || message.has_attachments) &&
    words.every((word) => text.includes(word))
  );
}
