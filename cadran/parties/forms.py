"""Forms of the parties room."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any, ClassVar

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cadran.parties.imports import MOST_BYTES

EXTENSIONS = (".csv", ".txt", ".xlsx", ".ods")


class BeneficiariesFile(forms.Form):
    """The file to import; what is in it is checked line by line afterwards."""

    file = forms.FileField(
        label=gettext_lazy("Fichier des bénéficiaires"),
        help_text=gettext_lazy("CSV, XLSX ou ODS, 20 Mo au plus. La première ligne porte les titres des colonnes."),
        widget=forms.FileInput(attrs={"accept": ",".join(EXTENSIONS)}),
    )
    examples: ClassVar[dict[str, str]] = {"file": "beneficiaires.csv"}

    def clean_file(self) -> Any:
        """Refuse a file that is too large or of another kind before reading it."""
        file: UploadedFile[bytes] = self.cleaned_data["file"]
        name = PurePosixPath(file.name or "")
        if name.suffix.lower() not in EXTENSIONS:
            raise forms.ValidationError(
                _("« {name} » n’est ni un CSV, ni un XLSX, ni un ODS. Enregistrez-le dans l’un de ces formats.").format(
                    name=name.name
                )
            )
        if (file.size or 0) > MOST_BYTES:
            raise forms.ValidationError(
                _("« {name} » dépasse {size} Mo. Découpez-le en plusieurs fichiers.").format(
                    name=name.name, size=MOST_BYTES // 2**20
                )
            )
        return file
