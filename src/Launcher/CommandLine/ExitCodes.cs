namespace Lguest.Jit.Launcher.CommandLine;

/// <summary>What our exit code means to a script (design §12.11).</summary>
internal static class ExitCodes
{
    /// <summary>The Guest powered off; or restarted, where that was to be the end.</summary>
    public const int Success = 0;

    /// <summary>Our own fault, or the Host's.</summary>
    public const int HostFailure = 1;

    /// <summary>Bad arguments or bad input files.</summary>
    public const int Usage = 2;

    /// <summary>kill_guest, a panic, or a kernel that cannot be an lguest Guest.</summary>
    public const int GuestKilled = 3;

    /// <summary>The time or instruction limit.</summary>
    public const int Limit = 4;

    /// <summary>compare found a difference.</summary>
    public const int Different = 5;

    public const int HungUp = 129;

    public const int Interrupted = 130;

    public const int Quit = 131;

    public const int Terminated = 143;

    /// <summary>A power-off whose Guest wrote <paramref name="status"/> to port 0xF4, or nothing.</summary>
    public static int PowerOff(byte? status) => status is null or 0 ? Success : 64 + status.Value % 64;
}
