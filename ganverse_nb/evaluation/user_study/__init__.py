"""The user study of appendix F (Fig I, Tables 1c and B), from the page that raters see to the numbers.

survey    two systems' results as one self-contained HTML page, and the key that says which is which
answers   what raters send back, checked, merged and unblinded
ballot    the same answers given in a notebook
rater     an automatic rater, where the true meshes are known; never counted among people
analysis  shares with intervals, agreement, kappa, sign test, position bias
"""
