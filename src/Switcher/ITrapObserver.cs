namespace Lguest.Jit.Switcher;

/// <summary>A trap or interrupt that was delivered to the Guest.</summary>
/// <param name="Vector">Its number.</param>
/// <param name="IsInterrupt">It came from a device or the clock.</param>
/// <param name="ErrorCode">If one was pushed.</param>
/// <param name="Address">Of a page fault.</param>
/// <param name="From">Eip in the frame.</param>
/// <param name="FromRing">CPL before.</param>
/// <param name="To">The handler.</param>
internal readonly record struct TrapRecord(int Vector, bool IsInterrupt, uint? ErrorCode, uint? Address, uint From, uint FromRing, uint To);

/// <summary>Somebody who wants to see what is delivered. Called on the Guest thread, the Guest being at its handler.</summary>
internal interface ITrapObserver
{
    void Delivered(in TrapRecord trap);
}
