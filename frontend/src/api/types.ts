import type { components, paths } from './generated/schema';

type Schemas = components['schemas'];

export type Account = Schemas['Account'];
export type Attachment = Schemas['Attachment'];
export type Audit = Schemas['Audit'];
export type Change = Schemas['Change'];
export type Changes = Schemas['Changes'];
export type Folder = Schemas['Folder'];
export type FolderProgress = Schemas['FolderProgress'];
export type Header = Schemas['Header'];
export type LogIn = Schemas['LogIn'];
export type Mailbox = Schemas['Mailbox'];
export type Message = Schemas['Message'];
export type MessagePage = Schemas['MessagePage'];
export type MessageSummary = Schemas['MessageSummary'];
export type Problem = Schemas['Problem'];
export type Problems = Schemas['Problems'];
export type PushConnection = Schemas['PushConnection'];
export type SessionReply = Schemas['Session'];
export type SignUp = Schemas['SignUp'];
export type SyncProgress = Schemas['SyncProgress'];
export type Thread = Schemas['Thread'];
export type User = Schemas['User'];

export type MessageQuery = NonNullable<paths['/messages']['get']['parameters']['query']>;
