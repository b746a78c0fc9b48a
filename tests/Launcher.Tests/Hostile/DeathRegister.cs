namespace Lguest.Jit.Launcher.Tests.Hostile;

/// <summary>Sorts causes of death.</summary>
internal static class DeathRegister
{
    /// <summary>A kill reason without the addresses and numbers in it; of an unhandled trap the vector stays.</summary>
    public static string Kind(string reason)
    {
        if (reason.StartsWith("unhandled trap", StringComparison.Ordinal))
        {
            return reason[..reason.IndexOf(" at ", StringComparison.Ordinal)];
        }

        return reason.StartsWith("CRASH", StringComparison.Ordinal) ? "CRASH" : string.Concat(reason.TakeWhile(static c => !char.IsDigit(c) && c != '-'));
    }
}
