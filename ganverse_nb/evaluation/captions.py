"""What each figure of `figures/` shows, in the order of the story; the report's page prints it under the picture."""

from __future__ import annotations

CAPTIONS: dict[str, str] = {
    "start_reconstructions": "Photographs that no network has seen, and what one network makes of each: the mesh in "
    "the same view and from four other sides.",
    "start_samples": "Random pictures of the GAN that everything is learned from.",
    "start_views": "The same objects in several view codes: the GAN as a photo studio.",
    "start_studio": "Photographs of the studio, with known mesh, mask and camera: the GAN's training data, and the "
    "truth that results are measured against.",
    "figure_a_layers": "Figure A. What each block of the GAN adds: its features, summed over channels.",
    "layer_swaps": "Where to cut: the view code of one object in the first k layers, the content of another after.",
    "view_gate": "The view gate. Left: how far the azimuth strays under one view code. Middle: how much outlines "
    "differ under one view code, beside photographs by one camera. Right: the chosen view codes with their deviation.",
    "shape_variety": "Contents under one view code, and photographs of different objects by one camera.",
    "figure_2_views": "Figure 2. Columns share a view code, rows a content code; above each column its coarse label.",
    "figure_b_viewpoints": "Figure B. All chosen viewpoints, with azimuth and elevation as measured.",
    "segmenter": "The segmenter's outlines on photographs it was not trained on.",
    "figure_c_dataset": "Figure C. The multi-view dataset: contents in rows, view codes in columns; faded pictures "
    "were removed by the filter.",
    "multiview_counts": "How many pictures of each view code the filter kept.",
    "inverse_start": "Where the training of shapes begins: an ellipsoid, and cameras from coarse labels.",
    "inverse_training": "The losses of Eq 1 and Eq 2 over the training.",
    "figure_4_reconstructions": "Figure 4. Held-out GAN pictures, and their reconstruction from several sides.",
    "cameras": "The view codes' cameras: as labelled, and as optimised with the network, beside the measured azimuths.",
    "photo_reconstructions": "Photographs, their reconstruction, and the true mesh.",
    "photo_table": "Errors of the reconstructions of photographs against the truth.",
    "study_photos": "Photographs that no network has seen, on which two systems are compared.",
    "figure_i_interface": "Figure I. One page of the survey: the input, two trials in random order from six sides, and "
    "three questions.",
    "table_1c_automatic": "Tables 1c and B (a), by an automatic rater that knows the true shapes; no person voted. "
    "Shares of the votes with 95 % intervals.",
    "table_b_automatic": "Table B (b), by the same automatic rater: how far its three standpoints agree, comparisons "
    "won, and whether the place on the page decided.",
    "table_1c_people": "Tables 1c and B (a): shares of people's votes with 95 % intervals.",
    "table_b_people": "Table B (b): how far people agree, comparisons won, and whether the place on the page decided.",
    "stylegan_r_random": "Pictures of the GAN that StyleGAN-R takes apart.",
    "stylegan_r_inputs": "What the mapping network gets: camera, mesh, texture, masked background.",
    "figure_3_mapping": "Figure 3. The mapping network, with its gates as trained: which property drives which style.",
    "figure_7_dual_renderer": "Figure 7. Two renderers side by side: DIB-R and StyleGAN-R from the same properties.",
    "fixed_viewpoints": "Different objects under the same asked cameras.",
    "figure_9_camera_controller": "Figure 9. Azimuth, elevation and scale are asked; the rest stays.",
    "azimuth_control": "Azimuth asked of StyleGAN-R against azimuth measured in its pictures.",
    "manipulation_parts": "The parts that are exchanged in the figures below.",
    "figure_10_manipulation": "Figure 10. Shape, texture and background from other objects.",
    "figure_11_photo_editing": "Figure 11. Photographs, taken apart and edited.",
    "swap_matrix": "What a swap moves besides what it should: 0 is the source, 1 the donor.",
}
