"""What each figure of `figures/` shows, in the order of the story; the report's page prints it under the picture."""

from __future__ import annotations

CAPTIONS: dict[str, str] = {
    "start_reconstructions": "Photographs that no network has seen, and what one network makes of each: the mesh in "
    "the same view and from four other sides.",
    "start_samples": "Random pictures of the GAN that everything is learned from.",
    "start_views": "The same objects in several view codes: the GAN as a photo studio.",
    "start_studio": "Photographs of the studio, with known mesh, mask and camera: the GAN's training data, and the "
    "truth that results are measured against.",
    "start_own_photo": "A photo of one's own: what the segmenter cuts out, and its reconstruction, with the verdict "
    "whether it can be trusted.",
    "start_domain": "The out-of-domain score of photographs and of pictures that should be refused; the line is the "
    "limit, set on other photographs. To the right of it: the share that is refused.",
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
    "figure_d_keypoints": "Figure D. Above, one object with the points placed by hand (blue: its left, orange: its "
    "right); below, the same points on other objects under the same view codes.",
    "figure_d_reprojections": "Structure from motion: a line leads from each placed point to where its 3D point "
    "projects; purple points contradict the others. Mean distance in pixels.",
    "keypoint_errors": "Every placed point's distance from the projection of its 3D point.",
    "figure_d_cameras": "The view codes' cameras from keypoints and from coarse labels, before training and, aligned, "
    "after it.",
    "figure_e_initializations": "Figure E. The same held-out pictures, explained by the model that began with the "
    "keypoints' cameras and by the one that began with coarse labels.",
    "table_a": "Table A. What each initialisation costs, the 2D IoU it reaches, and how far the two sets of cameras "
    "are apart after training.",
    "camera_recovery": "Cameras known exactly, begun with wrong azimuths: what the training takes back.",
    "renderer_zbuffer": "What each pixel of a rendered object knows: its face, where on it, how far away; and the "
    "picture made of that in twenty lines.",
    "renderer_silhouette": "A mask, and the soft silhouette for three sigma; below, a part of each enlarged.",
    "renderer_gradient": "Where the gradient of the IoU pushes the vertices of a ball, for three sigma; orange: the "
    "outline that it should have.",
    "renderer_fit": "A ball that follows this gradient for the masks of three known cameras (orange), with the terms "
    "of Eq 1 on the shape.",
    "renderer_fit_curves": "The same fit in numbers: overlap in the views of the masks and in others, and the distance "
    "to the true surface.",
    "renderer_fit_unseen": "The fitted mesh above the true one, from sides that no mask has shown.",
    "inverse_start": "Where the training of shapes begins: an ellipsoid, and cameras from coarse labels.",
    "loss_terms_before": "Every term of Eq 1 on one picture of the GAN and what the untrained network predicts: where "
    "it comes from, its value and its weight.",
    "loss_terms_after": "The same picture and terms before and after the training, in one scale for each column.",
    "inverse_training": "The losses of Eq 1 and Eq 2 over the training.",
    "figure_4_reconstructions": "Figure 4. Held-out GAN pictures, and their reconstruction from several sides.",
    "cameras": "The view codes' cameras: as labelled, and as optimised with the network, beside the measured azimuths.",
    "photo_reconstructions": "Photographs, their reconstruction, and the true mesh.",
    "photo_table": "Errors of the reconstructions of photographs against the truth.",
    "truth_distributions": "Shapes of photographed objects against their true meshes, each reconstruction a dot, with "
    "median and quartiles: where they stand, after the one similarity common to all, and after one for each.",
    "truth_by_angle": "What other cameras see of the reconstructions, by the angle from the photograph's side and from "
    "above, against photographs taken from there: medians and quartiles.",
    "truth_examples": "The median and the worst reconstruction, by Chamfer distance: prediction and truth from four "
    "other sides, and the bare shapes.",
    "camera_audit": "Cameras of photographs, as the camera head predicts them and after refinement by the outline: "
    "errors, front and rear, and the overlap that the true, the predicted and the refined camera give.",
    "annotated_photos": "Photographs with marked keypoints, and the mean keypoint shape under the camera fitted to "
    "them.",
    "table_1a_annotation": "Table 1a. How many pictures there are and how long their annotation takes, at the paper's "
    "rates: four minutes for the keypoints of an object, one minute for the labels of 39 views. "
    "The paper states 200 to 350 hours and about a minute.",
    "table_1b_overlap": "Table 1b. Overlap with the mask in the input's view, with the test set's cameras (fitted to "
    "annotated keypoints, or optimised with the GAN-model) and, marked *, with those of each network's camera head; "
    "and overlap with the true shape from eight sides.",
    "figure_5_comparison": "Figure 5. The same network trained on annotated photographs and on the GAN's pictures: "
    "prediction, texture map and six views of photographs that neither has seen.",
    "figure_f_photos": "Figure F. More photographs.",
    "figure_g_web": "Figure G. Photographs of another style: light, places, angles and cars outside of all training "
    "data.",
    "models_truth": "Both networks against the true meshes of photographed objects, each reconstruction a dot, after "
    "the one similarity between each network's world and the true one.",
    "models_truth_by_angle": "What other cameras see of both networks' reconstructions, by the angle from the "
    "photograph's side and from above (triangles): medians, and the middle half of the objects.",
    "study_photos": "Photographs that no network has seen, on which two systems are compared.",
    "figure_i_interface": "Figure I. One page of the survey: the input, two trials in random order from six sides, and "
    "three questions.",
    "table_1c_automatic": "Tables 1c and B (a), by an automatic rater that knows the true shapes; no person voted. "
    "Shares of the votes with 95 % intervals.",
    "table_b_automatic": "Table B (b), by the same automatic rater: how far its three standpoints agree, comparisons "
    "won, and whether the place on the page decided.",
    "table_1c_people": "Tables 1c and B (a): shares of people's votes with 95 % intervals.",
    "table_b_people": "Table B (b): how far people agree, comparisons won, and whether the place on the page decided.",
    "figure_6_ablation": "Figure 6. The same network trained with all losses, without multi-view consistency (w.o. "
    "M. V.) and without the perceptual term (w.o. P.): the view of the input, other views of the object, texture and "
    "shape. The median and the worst held-out picture of the GAN, by the mean overlap of the three in other views.",
    "figure_p_ablation": "Figure P. The same three on photographs, beside further photographs and the true "
    "shapes: the median and the worst, by the mean overlap of the three with the further photographs.",
    "ablation_table": "The ablation study: mean and standard deviation over the seeds of trainings on the same "
    "pictures. Left: held-out objects of the GAN, with the cameras of each training. Right: photographs of objects "
    "whose truth is known, medians, after the one similarity between the two worlds.",
    "stylegan_r_random": "Pictures of the GAN that StyleGAN-R takes apart.",
    "stylegan_r_inputs": "What the mapping network gets: camera, mesh, texture, masked background.",
    "figure_3_mapping": "Figure 3. The mapping network. View code: in blue the dimensions that g_v maps from the "
    "camera, a share as in the paper; the others, most of it, are interpolated between the chosen views. Content code: "
    "the gates as trained, by dimension and by layer.",
    "figure_j_consistency": "Figure J as numbers: held-out objects from many cameras, read again by inverse graphics. "
    "DIB-R paints exactly what is asked: its row is what the measures get wrong.",
    "figure_7_dual_renderer": "Figure 7. Two renderers side by side: DIB-R and StyleGAN-R from the same properties.",
    "joint_stage_start": "DIB-R, and StyleGAN-R before its joint stage, with which all that follow begin.",
    "joint_stage_variants": "The same properties after joint stages with parts of the loss, and with all of it.",
    "joint_stage_terms": "Figure J as numbers, of joint stages with parts of the loss, and with all of it.",
    "fixed_viewpoints": "Different objects under the same chosen view codes.",
    "figure_9_camera_controller": "Figure 9 (of the bird: M). Azimuth, elevation and scale are changed one at a time.",
    "figure_8_latent_codes": "Figure 8. Photographs in their own view and turned: by StyleGAN-R (tuned to each: by "
    "a copy that was), and by latent codes that were optimised for them and then given other view codes.",
    "azimuth_control": "Target azimuth against the azimuth measured in StyleGAN-R's pictures: as trained, before the "
    "joint stage, and with all dimensions of the view code that are not mapped from the camera at their mean.",
    "manipulation_parts": "The parts that are exchanged in the figures below.",
    "figure_10_manipulation": "Figure 10 (of the bird: N). Shape, texture and background from other objects.",
    "figure_11_photo_editing": "Figure 11. Photographs, taken apart and edited; rows called tuned: by a copy of "
    "StyleGAN-R that was tuned to the photograph.",
    "figure_l_photo_cameras": "Figure L. Photographs under other cameras: azimuth, scale and elevation, one at a time; "
    "rows called tuned: by a copy of StyleGAN-R that was tuned to the photograph.",
    "swap_matrix": "What a swap moves besides what it should: 0 is the source, 1 the donor.",
    "failure_objects": "What the GAN paints, and photographs of objects from outside.",
    "figure_h_reconstructions": "Figure H. Held-out GAN pictures and their reconstruction, from the best to the worst "
    "by the overlap in the object's other views.",
    "figure_o_failures": "Figure O. Objects from outside of all training data, and ordinary photographs: the median "
    "and the worst of each kind by Chamfer distance, beside the true shape. Score: out of domain.",
    "failure_scores": "The out-of-domain score of test photographs and of objects from outside; the line is the limit, "
    "set on other photographs.",
    "failure_roc": "Unusual objects refused against ordinary photographs refused, for every limit of the score.",
    "figure_k_light": "Figure K. Renderings with light and with the texture only, the predicted light on the surface "
    "and on a ball, and the same object under other lamps.",
    "light_truth": "Photographs in an even light, their shading and their light beside the truth: the median and the "
    "worst by the error of the unlit colours. Numbers: that error, the shading's as a share of its mean, the angle "
    "between the lights.",
    "light_table": "Medians of the errors of unlit colours, of shading and of the light's direction, one free factor "
    "per photograph fitted; how far the directions lie from their mean, and how much the shading varies.",
    "real_photographs": "Photographs with their masks, what is made of each under the camera that is read off and "
    "after its refinement, and the same object from other sides; from the best overlap to the worst.",
}
