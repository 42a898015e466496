-- SPDX-License-Identifier: PostgreSQL
-- What the three users do: each queues ten generations by a plain INSERT under row level security. A row is queued unless
-- it says otherwise; its input is built from prompt, URLs and settings. How each of them must end stands in check.pl.
\ir people.sql

\set user :ada
\ir sign_in.sql
INSERT INTO generations (user_id, action, model_id, model_name, replicate_model,
                         prompt, input_image_url, settings) VALUES
  (auth.uid(), 'create', 'flux-schnell', 'FLUX schnell', 'black-forest-labs/flux-schnell',
   'a red kettle', NULL, '{}'),
  (auth.uid(), 'video_i2v', 'kling', 'Kling', 'kwaivgi/kling-v2.1',
   'a film that takes too long', 'https://example.org/bridge.png', '{"duration": 10}'),
  (auth.uid(), 'create', 'flux-schnell', 'FLUX schnell', 'black-forest-labs/flux-schnell',
   'a lighthouse in fog', NULL, '{}'),
  (auth.uid(), 'create', 'recraft-svg', 'Recraft SVG', 'recraft-ai/recraft-v3-svg',
   'a logo for a bakery', NULL, '{}'),
  (auth.uid(), 'create', 'flux-dev', 'FLUX dev', 'black-forest-labs/flux-dev',
   'four studies of a hand', NULL, '{"num_outputs": 4}'),
  (auth.uid(), 'create', 'sdxl', 'SDXL', 'stability-ai/sdxl',
   'a paper boat', NULL, '{}'),
  (auth.uid(), 'edit', 'kontext', 'FLUX Kontext', 'black-forest-labs/flux-kontext-pro',
   'make the kettle blue', 'https://example.org/kettle.png', '{}'),
  (auth.uid(), 'upscale', 'crisp', 'Recraft Crisp', 'recraft-ai/recraft-crisp-upscale',
   'the kettle, larger', 'https://example.org/kettle.png', '{}'),
  (auth.uid(), 'remove_bg', 'bria-bg', 'Bria RMBG', 'bria/remove-background',
   'the kettle, cut out', 'https://example.org/kettle.png', '{}'),
  (auth.uid(), 'create', 'flux-schnell', 'FLUX schnell', 'black-forest-labs/flux-schnell',
   'a street in the rain', NULL, '{"priority": 5}');
COMMIT;

\set user :ben
\ir sign_in.sql
INSERT INTO generations (user_id, action, model_id, model_name, replicate_model,
                         prompt, settings) VALUES
  (auth.uid(), 'create', 'minimax-image', 'MiniMax Image', 'minimax/image-01',
   'an owl, interrupted once', '{}'),
  (auth.uid(), 'create', 'ideogram', 'Ideogram', 'ideogram-ai/ideogram-v3-turbo',
   'a poster of an odd shape', '{"aspect_ratio": "7:5"}'),
  (auth.uid(), 'create', 'nano-banana', 'Nano Banana', 'google/nano-banana',
   'a picture nobody should see', '{}'),
  (auth.uid(), 'create', 'shoes', 'Shoes', 'deployment:acme/shoes',
   'a shoe on white', '{}'),
  (auth.uid(), 'create', 'flux-schnell', 'FLUX schnell', 'black-forest-labs/flux-schnell',
   'a bicycle', '{}'),
  (auth.uid(), 'create', 'flux-schnell', 'FLUX schnell', 'black-forest-labs/flux-schnell',
   'a bicycle, from above', '{}'),
  (auth.uid(), 'create', 'flux-schnell', 'FLUX schnell', 'black-forest-labs/flux-schnell',
   'a bicycle at night', '{}'),
  (auth.uid(), 'create', 'flux-dev', 'FLUX dev', 'black-forest-labs/flux-dev',
   'four cats', '{"num_outputs": 4}'),
  (auth.uid(), 'create', 'imagen', 'Imagen', 'google/imagen-4',
   'a glass of water', '{"aspect_ratio": "16:9"}'),
  (auth.uid(), 'create', 'imagen', 'Imagen', 'google/imagen-4',
   'a glass of milk', '{"aspect_ratio": "1:1"}');
COMMIT;

\set user :cleo
\ir sign_in.sql
INSERT INTO generations (user_id, action, model_id, model_name, replicate_model,
                         prompt, input_image_url, settings) VALUES
  (auth.uid(), 'video_create', 'veo', 'Veo', 'google/veo-3-fast',
   'waves on a beach', NULL, '{"duration": 8}'),
  (auth.uid(), 'analyze_describe', 'claude-vision', 'Claude', 'anthropic/claude-4-sonnet',
   'What is in this picture?', 'https://example.org/bridge.png', '{}'),
  (auth.uid(), 'create', 'photon', 'Photon', 'luma/photon',
   'a tree whose answer is lost', NULL, '{}'),
  (auth.uid(), 'create', 'flux-schnell', 'FLUX schnell', 'black-forest-labs/flux-schnell',
   'a mountain', NULL, '{}'),
  (auth.uid(), 'create', 'flux-schnell', 'FLUX schnell', 'black-forest-labs/flux-schnell',
   'a mountain in spring', NULL, '{}'),
  (auth.uid(), 'inpaint', 'fill', 'FLUX Fill', 'black-forest-labs/flux-fill-pro',
   'a door in the wall', 'https://example.org/wall.png', '{"mask": "https://example.org/mask.png"}'),
  (auth.uid(), 'expand', 'fill', 'FLUX Fill', 'black-forest-labs/flux-fill-pro',
   'the wall, wider', 'https://example.org/wall.png', '{}'),
  (auth.uid(), 'create', 'sdxl', 'SDXL', 'stability-ai/sdxl',
   'a paper plane', NULL, '{}'),
  (auth.uid(), 'create', 'flux-schnell', 'FLUX schnell', 'black-forest-labs/flux-schnell',
   'a mountain in autumn', NULL, '{}'),
  (auth.uid(), 'create', 'imagen', 'Imagen', 'google/imagen-4',
   'a glass of tea', NULL, '{"aspect_ratio": "9:16"}');
COMMIT;
