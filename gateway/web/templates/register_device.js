const locate = byId("locate");
if (locate && isSecureContext && navigator.geolocation) {
  byId("place").hidden = false;
  locate.addEventListener("click", () => navigator.geolocation.getCurrentPosition(({coords}) => {
    document.querySelector("[name=lat]").value = coords.latitude.toFixed(5);
    document.querySelector("[name=lon]").value = coords.longitude.toFixed(5);
    byId("located").textContent = locate.dataset.taken.replace("{}", Math.round(coords.accuracy));
  }, () => { byId("located").textContent = locate.dataset.refused; }, {enableHighAccuracy: true, timeout: 20000}));
}
