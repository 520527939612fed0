import { CloseButton, Kbd, TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useState, type SubmitEvent } from 'react';
import { useNavigate } from 'react-router';
import { ALL_MAIL, useMailLocation } from './useMailLocation';

export function SearchBox() {
  const { words, view } = useMailLocation();
  // A new search, or leaving one, starts the box anew.
  return <SearchForm key={`${view} ${words}`} words={words} view={view} />;
}

function SearchForm({ words, view }: { words: string; view: string }) {
  const navigate = useNavigate();
  const [text, setText] = useState(words);
  const search = (wanted: string) => {
    const query = wanted.trim();
    void navigate(query ? `/mail/${view}?${new URLSearchParams({ q: query })}` : `/mail/${view || ALL_MAIL}`);
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    search(text);
  };
  return (
    <form role="search" onSubmit={submit}>
      <TextInput
        id="search"
        type="search"
        aria-label="Search mail"
        placeholder="Search mail"
        autoComplete="off"
        variant="filled"
        maxLength={500}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => event.key === 'Escape' && event.currentTarget.blur()}
        leftSection={<IconSearch size={16} stroke={1.8} />}
        rightSectionPointerEvents="all"
        rightSection={
          text ? (
            <CloseButton size="sm" aria-label="Clear the search" onClick={() => search('')} />
          ) : (
            <Kbd size="xs">/</Kbd>
          )
        }
      />
    </form>
  );
}
