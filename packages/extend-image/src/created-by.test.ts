// Layers get the words of the Dockerfile, whatever engine made them; the engines' words are as they were seen.
import { parseDockerfile } from '@polyarch/dockerfile'
import { expect, test } from 'vitest'
import { nameLayers } from './created-by.ts'

const { stages } = parseDockerfile(`ARG base_image
FROM \${base_image}
ARG tool=curl
RUN /two
RUN echo "a  b" > /one && \\
    echo two > /two
COPY --chown=1:2 source /copied
ENV A=1
WORKDIR /work
RUN ["/bin/sh", "-c", "echo three"]
`)

// Blanks are one, as an instruction's words are put together again.
const one = 'RUN echo "a b" > /one && echo two > /two'

test.each([
  [
    'kaniko',
    [
      'RUN echo "a  b" > /one &&     echo two > /two',
      'COPY --chown=1:2 source /copied',
      'WORKDIR /work',
      'RUN ["/bin/sh", "-c", "echo three"]',
    ],
  ],
  [
    'BuildKit',
    [
      'RUN |2 tool=curl base_image=x /bin/sh -c echo "a  b" > /one &&     echo two > /two # buildkit',
      'COPY --chown=1:2 source /copied # buildkit',
      'WORKDIR /work',
      'RUN /bin/sh -c echo three # buildkit',
    ],
  ],
  [
    'buildah',
    [
      '|1 tool=curl /bin/sh -c echo "a  b" > /one &&     echo two > /two',
      '/bin/sh -c #(nop) COPY --chown=1:2 file:0123 in /copied ',
      '/bin/sh -c #(nop) WORKDIR /work',
      '/bin/sh -c echo three',
    ],
  ],
])('of %s', (_, createdBy) => {
  expect(nameLayers(stages[0]?.instructions ?? [], createdBy)).toEqual([
    one,
    'COPY --chown=1:2 source /copied',
    'WORKDIR /work',
    'RUN ["/bin/sh", "-c", "echo three"]',
  ])
})

test('what is of no instruction keeps the engine’s words', () => {
  expect(nameLayers([], ['RUN x # buildkit', ''])).toEqual(['RUN x', ''])
})
