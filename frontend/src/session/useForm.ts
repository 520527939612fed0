import { useState, type ChangeEvent, type SubmitEvent } from 'react';
import { fieldErrors, messageOf } from '../api/problems';

type Values<Field extends string> = Record<Field, string>;
type Errors = Partial<Record<string, string>>;

/**
 * A form of text fields: what was typed, the errors of our own check or of the API beside their fields, and one error
 * for the whole where the API named no field.
 */
export function useForm<Field extends string>(
  fields: readonly Field[],
  send: (values: Values<Field>) => Promise<void>,
  check: (values: Values<Field>) => Partial<Values<Field>> = () => ({}),
) {
  const [values, setValues] = useState(() => emptyValues(fields));
  const [errors, setErrors] = useState<Errors>({});
  const [isSending, setIsSending] = useState(false);

  function field(name: Field) {
    return {
      name,
      value: values[name],
      error: errors[name],
      onChange: ({ currentTarget }: ChangeEvent<HTMLInputElement>) => {
        const { value } = currentTarget;
        setValues((before) => ({ ...before, [name]: value }));
        setErrors(({ [name]: corrected, ...others }) => others);
      },
    };
  }

  async function submit(form: HTMLFormElement) {
    let found: Errors = { ...check(values) };
    if (Object.keys(found).length === 0) {
      setIsSending(true);
      try {
        await send(values);
      } catch (error) {
        found = fieldErrors(error, fields);
        if (Object.keys(found).length === 0) found[''] = messageOf(error);
      }
      setIsSending(false);
    }
    setErrors(found);
    const first = fields.find((name) => found[name]);
    if (first) form.querySelector<HTMLInputElement>(`[name="${first}"]`)?.focus();
  }

  return {
    field,
    error: errors[''],
    isSending,
    submit: (event: SubmitEvent<HTMLFormElement>) => {
      event.preventDefault();
      void submit(event.currentTarget);
    },
  };
}

function emptyValues<Field extends string>(fields: readonly Field[]): Values<Field> {
  return Object.fromEntries(fields.map((name) => [name, ''])) as Values<Field>;
}
