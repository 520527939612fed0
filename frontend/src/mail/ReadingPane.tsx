import { IconMailOpened } from '@tabler/icons-react';
import { Kbd } from '@mantine/core';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { useMessage } from '../api/queries';
import { ApiProblem } from '../api/problems';
import { Empty } from '../shell/Empty';
import { Failure } from '../shell/Failure';
import { useShortcuts } from '../shell/useShortcuts';
import { MessageSkeleton } from './MessageSkeleton';
import { MessageView } from './MessageView';
import { useFrameFont } from './useFrameFont';
import { useMailLocation } from './useMailLocation';

export function ReadingPane({ messageId }: { messageId: string | null }) {
  if (messageId === null) {
    return (
      <Empty icon={IconMailOpened} title="Choose a message to read it here">
        Move with <Kbd size="xs">j</Kbd> and <Kbd size="xs">k</Kbd>, open with <Kbd size="xs">Enter</Kbd>,
        search with <Kbd size="xs">/</Kbd>
      </Empty>
    );
  }
  return <OpenMessage messageId={messageId} />;
}

function OpenMessage({ messageId }: { messageId: string }) {
  const { listLink } = useMailLocation();
  const navigate = useNavigate();
  useFrameFont(); // by the time that the message is here, so is the typeface
  const [remoteImages, setRemoteImages] = useState(false);
  const { data, error, isPending, isPlaceholderData, refetch } = useMessage(messageId, remoteImages);
  const close = () => void navigate(listLink);
  useShortcuts({ u: close, Escape: close });

  if (isPending) return <MessageSkeleton />;
  if (error instanceof ApiProblem && error.status === 404) {
    return <Empty icon={IconMailOpened} title="This message is no longer here" />;
  }
  if (!data) return <Failure error={error} retry={() => void refetch()} />;
  return (
    <MessageView
      message={data}
      close={close}
      remoteImages={remoteImages && !isPlaceholderData}
      showRemoteImages={() => setRemoteImages(true)}
    />
  );
}
