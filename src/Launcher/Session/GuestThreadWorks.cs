using Lguest.Jit.Switcher;

namespace Lguest.Jit.Launcher.Session;

/// <summary>Two that want something of the Guest's thread, taken for one.</summary>
internal sealed class GuestThreadWorks(IGuestThreadWork first, IGuestThreadWork second) : IGuestThreadWork
{
    /// <inheritdoc/>
    public bool HasWork => first.HasWork || second.HasWork;

    /// <inheritdoc/>
    public void RunOnGuestThread()
    {
        if (first.HasWork)
        {
            first.RunOnGuestThread();
        }

        if (second.HasWork)
        {
            second.RunOnGuestThread();
        }
    }
}
