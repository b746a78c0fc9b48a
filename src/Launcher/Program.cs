using Lguest.Jit.Launcher;
using Lguest.Jit.Launcher.Session;

return LauncherMain.Run(args, SessionHost.Process(), Console.Out, static ram => throw new NotSupportedException());
