using Lguest.Jit.Launcher;
using Lguest.Jit.Launcher.Session;
using Lguest.Jit.Launcher.Tour;

return LauncherMain.Run(args, SessionHost.Process(), TourGuest.Load);
